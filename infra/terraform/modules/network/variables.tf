variable "name" {
  description = "Name of the environment."
  type        = string
}

variable "region" {
  description = "Region of the VPC."
  type        = string
}

variable "cidr" {
  description = "Address range of the VPC, a /16."
  type        = string
  validation {
    condition     = can(cidrnetmask(var.cidr)) && endswith(var.cidr, "/16")
    error_message = "The VPC takes a /16, such as 10.40.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones by name. Append, never reorder: a zone's position is its address range."
  type        = list(string)
  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 6 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "A load balancer needs 2 to 6 different zones."
  }
}

variable "egress" {
  description = "How tasks reach AWS: `endpoints` (nothing else is reachable) or `nat` (the internet is)."
  type        = string
  validation {
    condition     = contains(["endpoints", "nat"], var.egress)
    error_message = "egress is endpoints or nat."
  }
}

variable "single_nat" {
  description = "One NAT gateway for all zones: cheaper, and gone with its zone."
  type        = bool
  default     = false
}

variable "outbound" {
  description = "Whether there are subnets of their own for tasks that must reach the internet, whatever the others may reach."
  type        = bool
  default     = false
}

variable "client_cidrs" {
  description = "Who may reach the load balancer."
  type        = list(string)
}

variable "api_port" {
  description = "Port that the API listens on."
  type        = number
}

variable "cache_port" {
  description = "Port that Valkey listens on."
  type        = number
  default     = 6379
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow logs."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the flow logs are kept."
  type        = number
}
