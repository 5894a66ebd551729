output "settings" {
  description = "Settings of every process, by the names of docs/reference/settings.md."
  value       = local.settings
}

output "secret_arns" {
  description = "Where the settings lie that are secret: ARNs, never values."
  value       = merge(local.secrets, local.api_secrets, local.webhook_secrets)
}

output "url" {
  description = "Where clients find the API."
  value       = module.alb.url
}

output "cluster" {
  description = "Name of the cluster, for `aws ecs` commands."
  value       = module.cluster.name
}

output "services" {
  description = "Names of the services, for `aws ecs` commands."
  value       = keys(local.services)
}

output "log_groups" {
  description = "Log group of each service."
  value = {
    for name, service in local.services : name => service.log_group
  }
}

output "alarm_topic_arn" {
  description = "Topic that alarms are sent to, for further subscriptions."
  value       = module.observability.topic_arn
}

output "store_endpoint" {
  description = "Address of the job store."
  value       = module.store.endpoint
}
