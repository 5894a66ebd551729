variable "region" {
  description = "AWS region."
  type        = string
}

variable "availability_zones" {
  description = "Zones of that region by name. Append, never reorder."
  type        = list(string)
}

variable "images" {
  description = "The release: both images by digest, in ECR."
  type = object({
    api    = string
    worker = string
  })
}

variable "domain" {
  description = "Name of the API, and the Route 53 zone that it lies in."
  type = object({
    name    = string
    zone_id = string
  })
}

variable "webhooks" {
  description = "Whether jobs may name webhooks: adds the tasks that deliver them, and NAT gateways."
  type        = bool
  default     = false
}

variable "alarm_emails" {
  description = "Addresses that alarms are sent to."
  type        = list(string)
}

variable "owner" {
  description = "Team that answers for the environment (a tag)."
  type        = string
}

variable "cost_center" {
  description = "Who pays (a tag)."
  type        = string
}
