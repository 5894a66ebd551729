variable "name" {
  description = "Name of the environment; the buckets' names begin with it and end with the account's id."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the files."
  type        = string
}

variable "expire_days" {
  description = "Days after which a file goes whatever happens: longer than ROWCALL_RETENTION_SECONDS and ROWCALL_QUARANTINE_RETENTION_SECONDS."
  type        = number
  default     = 30
  validation {
    condition     = var.expire_days >= 8
    error_message = "Files of a job in quarantine are needed for 7 days by default."
  }
}

variable "noncurrent_days" {
  description = "Days in which a file that was deleted or written over can be brought back."
  type        = number
  default     = 7
}

variable "log_retention_days" {
  description = "Days that access logs are kept."
  type        = number
}

variable "force_destroy" {
  description = "Whether the buckets may be destroyed with files in them."
  type        = bool
}
