variable "name" {
  description = "First part of the roles' names."
  type        = string
}

variable "application" {
  description = "First part of the names of everything that the roles may touch."
  type        = string
}

variable "repository" {
  description = "GitHub repository whose workflows may take on the roles, as owner/name."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "A repository is named owner/name."
  }
}

variable "environments" {
  description = "GitHub environments that may apply, each with a role and a state of its own."
  type        = list(string)
  default     = ["dev", "staging", "prod"]
}

variable "repository_arns" {
  description = "Image repositories that may be pushed to."
  type        = list(string)
}

variable "state_bucket_arn" {
  description = "Bucket of the states."
  type        = string
}

variable "state_key_arn" {
  description = "Key that encrypts the states."
  type        = string
}
