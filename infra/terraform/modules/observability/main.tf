# Whom alarms reach. Every alarm names the file in docs/runbooks/ that says what to do.

data "aws_caller_identity" "current" {}

locals {
  runbooks = "Runbook: docs/runbooks"
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsAndEvents"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_event_rule" "failed_deployment" {
  name        = "${var.name}-failed-deployment"
  description = "A deployment failed or was rolled back. ${local.runbooks}/failed-deployment.md"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Deployment State Change"]
    detail      = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
    resources   = [{ prefix = "${var.service_arn_prefix}/" }]
  })
}

resource "aws_cloudwatch_event_target" "failed_deployment" {
  rule = aws_cloudwatch_event_rule.failed_deployment.name
  arn  = aws_sns_topic.alarms.arn
}
