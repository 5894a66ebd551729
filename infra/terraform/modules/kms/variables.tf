variable "name" {
  description = "Name of the environment, such as rowcall-prod."
  type        = string
}

variable "region" {
  description = "Region whose CloudWatch Logs may use the key."
  type        = string
}

variable "deletion_window_days" {
  description = "Days in which a deleted key can be restored."
  type        = number
  default     = 30
  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "KMS keeps a deleted key for 7 to 30 days."
  }
}
