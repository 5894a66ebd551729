# What runs: each service is told its settings, may do what permissions.tf says, and shares the rest with the others.

locals {
  platform = {
    region                 = var.region
    cluster_arn            = module.cluster.arn
    cluster_name           = module.cluster.name
    architecture           = var.architecture
    stop_timeout_seconds   = local.stop_timeout_seconds
    deployment_alarm_names = module.observability.deployment_alarm_names
    enable_execute_command = var.enable_execute_command
    kms_key_arn            = module.kms.key_arn
    log_retention_days     = var.log_retention_days
  }

  services = merge(module.webhooks, { api = module.api, interactive-worker = module.interactive_worker, bulk-worker = module.bulk_worker })
}

module "api" {
  source = "../modules/service"

  name              = "api"
  platform          = local.platform
  image             = var.images.api
  repository_arn    = local.repository_arns.api
  command           = ["python", "-m", "api"]
  health_command    = ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:${local.port}/livez', timeout=5)"]
  port              = local.port
  size              = { cpu = var.api.cpu, memory = var.api.memory }
  environment       = local.api_settings
  secret_arns       = local.api_secrets
  task_policies     = { work = data.aws_iam_policy_document.api.json }
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.security_group_ids["api"]
  target_group_arn  = module.alb.target_group_arn

  # A client waits for it: never on Spot, except where nobody minds.
  capacity = var.api.spot ? { on_demand_base = 0, on_demand_weight = 0, spot_weight = 1 } : { on_demand_base = var.api.minimum, on_demand_weight = 1, spot_weight = 0 }

  scaling = {
    minimum     = var.api.minimum
    maximum     = var.api.maximum
    cpu_percent = 55
    schedule    = var.api.schedule

    requests = {
      per_minute_and_task = floor(60 * 0.6 * var.api.requests_per_second)
      resource_label      = "${module.alb.arn_suffix}/${module.alb.target_group_arn_suffix}"
    }
  }
}

module "interactive_worker" {
  source = "../modules/service"

  name              = "interactive-worker"
  platform          = local.platform
  image             = var.images.worker
  repository_arn    = local.repository_arns.worker
  command           = ["python", "-m", "worker"]
  health_command    = ["python", "-m", "worker.health"]
  size              = { cpu = var.interactive_worker.cpu, memory = var.interactive_worker.memory }
  environment       = local.worker_settings.interactive
  secret_arns       = local.secrets
  task_policies     = { work = data.aws_iam_policy_document.worker.json }
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.security_group_ids["worker"]

  # The floor carries the promise and runs on demand; of what comes on top, three in four are Spot.
  capacity = var.interactive_worker.spot_only ? { on_demand_base = 0, on_demand_weight = 0, spot_weight = 1 } : { on_demand_base = var.interactive_worker.minimum, on_demand_weight = 1, spot_weight = 3 }

  scaling = {
    minimum     = var.interactive_worker.minimum
    maximum     = var.interactive_worker.maximum
    cpu_percent = 55
    schedule    = var.interactive_worker.schedule

    backlog = local.is_on_sqs ? {
      queue_name              = module.queue["interactive"].name
      seconds_per_message     = var.interactive_worker.seconds_per_message
      acceptable_wait_seconds = var.interactive_worker.acceptable_wait_seconds
    } : null

    burst = local.is_on_sqs ? {
      queue_name             = module.queue["interactive"].name
      oldest_message_seconds = var.interactive_worker.burst_seconds
    } : null
  }
}

module "bulk_worker" {
  source = "../modules/service"

  name              = "bulk-worker"
  platform          = local.platform
  image             = var.images.worker
  repository_arn    = local.repository_arns.worker
  command           = ["python", "-m", "worker"]
  health_command    = ["python", "-m", "worker.health"]
  size              = { cpu = var.bulk_worker.cpu, memory = var.bulk_worker.memory }
  environment       = local.worker_settings.bulk
  secret_arns       = local.secrets
  task_policies     = { work = data.aws_iam_policy_document.worker.json }
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.network.security_group_ids["worker"]

  capacity = var.bulk_worker.spot_only ? { on_demand_base = 0, on_demand_weight = 0, spot_weight = 1 } : { on_demand_base = var.bulk_worker.minimum, on_demand_weight = 1, spot_weight = 3 }

  scaling = {
    minimum  = var.bulk_worker.minimum
    maximum  = var.bulk_worker.maximum
    schedule = var.bulk_worker.schedule
    # Without SQS nobody publishes how long the queue is; then CPU has to tell.
    cpu_percent = local.is_on_sqs ? null : 55

    backlog = local.is_on_sqs ? {
      queue_name              = module.queue["bulk"].name
      seconds_per_message     = var.bulk_worker.seconds_per_message
      acceptable_wait_seconds = var.bulk_worker.acceptable_wait_seconds
    } : null
  }
}

# Off unless asked for. It needs the job store and the way out, neither queue nor model, and asks AWS for nothing.
module "webhooks" {
  source   = "../modules/service"
  for_each = local.webhooks

  name              = each.key
  platform          = local.platform
  image             = var.images.worker
  repository_arn    = local.repository_arns.worker
  command           = ["python", "-m", "worker.webhooks"]
  health_command    = ["python", "-m", "worker.health"]
  size              = { cpu = var.webhooks.cpu, memory = var.webhooks.memory }
  environment       = local.webhook_settings
  secret_arns       = local.webhook_secrets
  task_policies     = {}
  subnet_ids        = module.network.outbound_subnet_ids
  security_group_id = module.network.security_group_ids["webhooks"]

  # What a task that is taken away had in hand is sent by another a minute later.
  capacity = var.webhooks.spot_only ? { on_demand_base = 0, on_demand_weight = 0, spot_weight = 1 } : { on_demand_base = var.webhooks.minimum, on_demand_weight = 1, spot_weight = 3 }

  scaling = {
    minimum     = var.webhooks.minimum
    maximum     = var.webhooks.maximum
    cpu_percent = 55
  }
}
