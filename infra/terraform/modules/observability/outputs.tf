output "topic_arn" {
  description = "ARN of the topic that alarms are sent to."
  value       = aws_sns_topic.alarms.arn
}

output "deployment_alarm_names" {
  description = "Alarms that roll a deployment back; from the resources, so that they exist before a service names them."
  value = concat(
    [aws_cloudwatch_metric_alarm.api_errors.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.dead_letters : alarm.alarm_name],
  )
}
