variable "name" {
  description = "First part of the repositories' names."
  type        = string
}

variable "repositories" {
  description = "Images that are kept here."
  type        = list(string)
  default     = ["api", "worker"]
}

variable "kms_key_arn" {
  description = "Key that encrypts the images."
  type        = string
}

variable "images_kept" {
  description = "Releases that stay. It must reach back further than any deployment that may be rolled back to."
  type        = number
  default     = 50
}

variable "reader_account_ids" {
  description = "Other AWS accounts whose environments pull from here."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for id in var.reader_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "An AWS account id has 12 digits."
  }
}

variable "force_delete" {
  description = "Whether the repositories may be destroyed with images in them."
  type        = bool
  default     = false
}
