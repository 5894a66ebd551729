variable "name" {
  description = "Name of the web ACL."
  type        = string
}

variable "load_balancer_arn" {
  description = "Load balancer that it protects."
  type        = string
}

variable "requests_per_5_minutes" {
  description = "Requests of one address in 5 minutes, beyond which it is answered with 429."
  type        = number
  validation {
    condition     = var.requests_per_5_minutes >= 100
    error_message = "WAF counts from 100 requests on."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the log."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the log of blocked requests is kept."
  type        = number
}
