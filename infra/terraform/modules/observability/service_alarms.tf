resource "aws_cloudwatch_metric_alarm" "too_few_tasks" {
  for_each = { for name, minimum in var.services : name => minimum if minimum > 0 }

  alarm_name          = "${var.name}-${each.key}-too-few-tasks"
  alarm_description   = "Fewer than ${each.value} tasks of ${each.key} run. ${local.runbooks}/too-few-tasks.md"
  comparison_operator = "LessThanThreshold"
  threshold           = each.value
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  period              = 60
  statistic           = "Maximum"
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = var.name, ServiceName = each.key }
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
