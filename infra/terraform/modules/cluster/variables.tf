variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts sessions of `aws ecs execute-command` and their log."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the log of those sessions is kept."
  type        = number
}
