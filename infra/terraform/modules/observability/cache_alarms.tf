# Valkey publishes its metrics by node, so each node has alarms of its own.

locals {
  cache_nodes = toset(var.cache_node_ids)
}

resource "aws_cloudwatch_metric_alarm" "cache_memory" {
  for_each = local.cache_nodes

  alarm_name          = "${each.key}-memory"
  alarm_description   = "${each.key} is 80 % full; a full one refuses new jobs. ${local.runbooks}/cache-memory.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  evaluation_periods  = 3
  period              = 60
  statistic           = "Maximum"
  namespace           = "AWS/ElastiCache"
  metric_name         = "DatabaseMemoryUsagePercentage"
  dimensions          = { CacheClusterId = each.key }
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "cache_evictions" {
  for_each = local.cache_nodes

  alarm_name          = "${each.key}-evictions"
  alarm_description   = "${each.key} throws keys away, which its policy forbids: accepted jobs are being lost. ${local.runbooks}/cache-memory.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 60
  statistic           = "Sum"
  namespace           = "AWS/ElastiCache"
  metric_name         = "Evictions"
  dimensions          = { CacheClusterId = each.key }
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "cache_load" {
  for_each = local.cache_nodes

  alarm_name          = "${each.key}-load"
  alarm_description   = "The one thread of ${each.key} is 75 % busy. ${local.runbooks}/cache-load.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 75
  evaluation_periods  = 3
  period              = 60
  statistic           = "Average"
  namespace           = "AWS/ElastiCache"
  metric_name         = "EngineCPUUtilization"
  dimensions          = { CacheClusterId = each.key }
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "replication_lag" {
  for_each = local.cache_nodes

  alarm_name          = "${each.key}-replication-lag"
  alarm_description   = "${each.key} is more than 5 s behind the primary: a failover now loses that much. ${local.runbooks}/replication-lag.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 3
  period              = 60
  statistic           = "Maximum"
  namespace           = "AWS/ElastiCache"
  metric_name         = "ReplicationLag"
  dimensions          = { CacheClusterId = each.key }
  # The primary publishes none.
  treat_missing_data = "notBreaching"
  alarm_actions      = [aws_sns_topic.alarms.arn]
  ok_actions         = [aws_sns_topic.alarms.arn]
}
