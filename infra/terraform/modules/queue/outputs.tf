output "url" {
  description = "URL of the queue."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "ARN of the queue."
  value       = aws_sqs_queue.this.arn
}

output "name" {
  description = "Name of the queue, as metrics know it."
  value       = aws_sqs_queue.this.name
}

output "dead_name" {
  description = "Name of the dead-letter queue, as metrics know it."
  value       = aws_sqs_queue.dead.name
}
