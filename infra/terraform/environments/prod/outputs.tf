output "settings" {
  description = "Settings of every process, by the names of docs/reference/settings.md."
  value       = module.stack.settings
}

output "secret_arns" {
  description = "Where the settings lie that are secret: ARNs, never values."
  value       = module.stack.secret_arns
}

output "url" {
  description = "Where clients find the API."
  value       = module.stack.url
}

output "cluster" {
  description = "Name of the cluster, for `aws ecs` commands."
  value       = module.stack.cluster
}

output "services" {
  description = "Names of the services, for `aws ecs` commands."
  value       = module.stack.services
}

output "log_groups" {
  description = "Log group of each service."
  value       = module.stack.log_groups
}

output "alarm_topic_arn" {
  description = "Topic that alarms are sent to."
  value       = module.stack.alarm_topic_arn
}

output "store_endpoint" {
  description = "Address of the job store."
  value       = module.stack.store_endpoint
}
