output "role_arns" {
  description = "Roles by what they are for: push, plan, apply-dev, apply-staging, apply-prod."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}
