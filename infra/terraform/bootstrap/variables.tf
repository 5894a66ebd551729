variable "region" {
  description = "AWS region of the states and images."
  type        = string
}

variable "application" {
  description = "First part of every name."
  type        = string
  default     = "rowcall"
}

variable "repository" {
  description = "GitHub repository whose workflows deploy, as owner/name."
  type        = string
}

variable "reader_account_ids" {
  description = "Other AWS accounts whose environments pull the images."
  type        = list(string)
  default     = []
}

variable "protect" {
  description = "Whether the bucket and the repositories must be empty before they can be destroyed."
  type        = bool
  default     = true
}

variable "owner" {
  description = "Team that answers for it (a tag)."
  type        = string
}

variable "cost_center" {
  description = "Who pays (a tag)."
  type        = string
}
