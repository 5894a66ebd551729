# What the application is told, under the names of docs/reference/settings.md. A test compares them with its code.

locals {
  stop_timeout_seconds = 120
  health_file          = "/tmp/rowcall-health"

  # Every process.
  settings = merge(
    {
      ROWCALL_FILES_URL               = "s3://${module.storage.bucket}/files"
      ROWCALL_PREDICT_TIMEOUT_SECONDS = tostring(local.predict_timeout_seconds)
      ROWCALL_STOP_SECONDS            = tostring(local.stop_timeout_seconds - 10)
    },
    local.is_on_sqs ? merge(
      { ROWCALL_BROKER_URL = "sqs://" },
      { for lane, queue in module.queue : "ROWCALL_SQS_${upper(lane)}_URL" => queue.url },
    ) : {},
    { for name in local.webhooks : "ROWCALL_WEBHOOKS" => "true" },
    length(var.input_buckets) > 0 ? { ROWCALL_INPUT_BUCKETS = join(",", var.input_buckets) } : {},
    var.settings,
  )

  secrets = merge(
    { ROWCALL_REDIS_URL = module.store.url_secret_arn },
    { for name, broker in module.broker : "ROWCALL_BROKER_URL" => broker.url_secret_arn },
  )

  # One service alone: all that its processes are told. Whoever reaches the load balancer needs a key.
  api_settings = merge(local.settings, {
    ROWCALL_REQUIRE_KEYS  = "true"
    ROWCALL_HOST          = "0.0.0.0"
    ROWCALL_PORT          = tostring(local.port)
    ROWCALL_API_PROCESSES = tostring(var.api.processes)
  })

  api_secrets = merge(local.secrets, { ROWCALL_OPERATOR_TOKEN = module.secrets.arns["operator-token"] })

  # It takes no messages, so it is told of no broker's password.
  webhook_settings = merge(local.settings, { ROWCALL_HEALTH_FILE = local.health_file })

  webhook_secrets = merge(
    { ROWCALL_REDIS_URL = module.store.url_secret_arn },
    { for name in local.webhooks : "ROWCALL_WEBHOOK_SECRETS" => module.secrets.arns["webhook-secrets"] },
  )

  worker_settings = {
    for lane in keys(local.lanes) : lane => merge(local.settings, { ROWCALL_LANES = lane, ROWCALL_HEALTH_FILE = local.health_file })
  }
}
