output "state_bucket" {
  description = "Bucket of the states, for `terraform init -backend-config=bucket=…`."
  value       = aws_s3_bucket.state.id
}

output "repository_urls" {
  description = "Where to push each image."
  value       = module.registry.repository_urls
}

output "role_arns" {
  description = "Roles for the workflows, by what they are for."
  value       = module.ci_oidc.role_arns
}
