output "name" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "task_role_arn" {
  description = "ARN of the role that the application works with."
  value       = aws_iam_role.task.arn
}

output "log_group" {
  description = "Log group of the service."
  value       = aws_cloudwatch_log_group.this.name
}
