output "arns" {
  description = "ARN of each secret, by the last part of its name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
