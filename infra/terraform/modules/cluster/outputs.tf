output "arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "name" {
  description = "Name of the cluster, once its capacity providers are there."
  value       = aws_ecs_cluster_capacity_providers.this.cluster_name
}
