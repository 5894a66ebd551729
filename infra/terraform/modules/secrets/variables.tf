variable "name" {
  description = "Name of the environment; the secrets' names begin with it."
  type        = string
}

variable "secrets" {
  description = "What each secret is for, by the last part of its name, and what its value begins with."
  type = map(object({
    description = string
    prefix      = optional(string, "")
  }))
}

variable "kms_key_arn" {
  description = "Key that encrypts the secrets."
  type        = string
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be restored; 0 deletes it at once."
  type        = number
}
