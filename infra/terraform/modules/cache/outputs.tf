output "url_secret_arn" {
  description = "ARN of the secret that holds the URL with its token."
  value       = aws_secretsmanager_secret_version.url.arn
}

output "endpoint" {
  description = "Address of whatever node is the primary."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "member_ids" {
  description = "Names of the nodes, as metrics know them."
  value       = local.member_ids
}
