locals {
  name = "${var.application}-${var.environment}"
  port = 8000

  # Everything that makes destroying hard follows from one switch.
  recovery_window_days = var.protect ? 30 : 0

  is_on_sqs = var.broker == "sqs"

  # Lanes of the application (shared/queues.py). On Redis the queues are keys of the broker's server.
  lanes = {
    interactive = { oldest_message_seconds = 60 }
    bulk        = { oldest_message_seconds = 3600 }
  }

  # ROWCALL_PREDICT_TIMEOUT_SECONDS decides how long a queue keeps a message for the worker that took it.
  predict_timeout_seconds = tonumber(lookup(var.settings, "ROWCALL_PREDICT_TIMEOUT_SECONDS", "60"))

  webhooks = var.webhooks.enabled ? toset(["webhooks"]) : toset([])

  repository_arns = {
    for name, image in var.images : name => format(
      "arn:%s:ecr:%s:%s:repository/%s",
      data.aws_partition.current.partition,
      regex("^[0-9]{12}\\.dkr\\.ecr\\.([a-z0-9-]+)\\.", image)[0],
      regex("^([0-9]{12})\\.", image)[0],
      regex("^[^/]+/([^@:]+)", image)[0],
    )
  }

  cache_node_ids = concat(module.store.member_ids, flatten([for broker in module.broker : broker.member_ids]))
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
