output "settings" {
  description = "Settings of every process, by the names of docs/reference/settings.md."
  value       = local.settings
}

output "secret_arns" {
  description = "Where the settings lie that are secret: ARNs, never values."
  value       = merge(local.secrets, local.api_secrets)
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
  value       = [module.api.name, module.interactive_worker.name, module.bulk_worker.name]
}

output "log_groups" {
  description = "Log group of each service."
  value = {
    for name, service in { api = module.api, interactive-worker = module.interactive_worker, bulk-worker = module.bulk_worker } :
    name => service.log_group
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
