# The application has no metric of its webhooks; its log says how each try ended.

locals {
  webhook_namespace = "Rowcall/${var.name}"

  # The texts of worker/webhooks/courier.py.
  webhook_tries = {
    for pair in setproduct(keys(var.webhook_log_groups), ["delivered", "failed"]) : join("-", pair) => {
      log_group = var.webhook_log_groups[pair[0]]
      ending    = pair[1]
      metric    = pair[1] == "delivered" ? "WebhooksDelivered" : "WebhookTriesFailed"
      pattern   = pair[1] == "delivered" ? "{ $.message = \"webhook delivered\" }" : "{ ($.message = \"webhook not delivered, trying again later\") || ($.message = \"webhook given up\") }"
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "webhook_tries" {
  for_each = local.webhook_tries

  name           = "webhooks-${each.value.ending}"
  log_group_name = each.value.log_group
  pattern        = each.value.pattern

  metric_transformation {
    namespace = local.webhook_namespace
    name      = each.value.metric
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "webhooks_undelivered" {
  for_each = var.webhook_log_groups

  alarm_name          = "${var.name}-webhooks-undelivered"
  alarm_description   = "More than ${var.thresholds.webhook_failure_percent} % of at least 10 tries within 5 minutes reach no receiver. ${local.runbooks}/webhooks-undelivered.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.webhook_failure_percent
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "rate"
    label       = "Share of tries that failed, in percent"
    expression  = "IF(FILL(failed, 0) + FILL(delivered, 0) >= 10, 100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(delivered, 0)), 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { delivered = "WebhooksDelivered", failed = "WebhookTriesFailed" }

    content {
      id = metric_query.key

      metric {
        namespace   = local.webhook_namespace
        metric_name = metric_query.value
        stat        = "Sum"
        period      = 300
      }
    }
  }

  depends_on = [aws_cloudwatch_log_metric_filter.webhook_tries]
}
