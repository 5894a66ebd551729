variable "name" {
  description = "Name of the environment and of its cluster."
  type        = string
}

variable "region" {
  description = "Region of the metrics."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the topic."
  type        = string
}

variable "emails" {
  description = "Addresses that alarms are sent to; each has to confirm."
  type        = list(string)
}

variable "service_arn_prefix" {
  description = "Start of the ARNs of the cluster's services."
  type        = string
}

variable "services" {
  description = "Fewest tasks of each service."
  type        = map(number)
}

variable "queues" {
  description = "Queues by lane: their names, and the age of a message that is an alarm."
  type = map(object({
    name                   = string
    dead_name              = string
    oldest_message_seconds = number
  }))
}

variable "webhook_log_groups" {
  description = "Logs of what delivers webhooks, by service; none where nothing does."
  type        = map(string)
}

variable "load_balancer_arn_suffix" {
  description = "Load balancer, as metrics know it."
  type        = string
}

variable "target_group_arn_suffix" {
  description = "Target group of the API, as metrics know it."
  type        = string
}

variable "cache_node_ids" {
  description = "Nodes of every replication group."
  type        = list(string)
}

variable "thresholds" {
  description = "Share of errors in percent, seconds of the slowest 1 %, whether silence is an alarm, and the share of webhooks in percent that may fail."
  type = object({
    error_percent           = number
    p99_seconds             = number
    expects_traffic         = bool
    webhook_failure_percent = number
  })
}
