variable "name" {
  description = "Name of the load balancer."
  type        = string
  validation {
    condition     = length(var.name) <= 28
    error_message = "A target group's name has at most 32 characters, and -api is added."
  }
}

variable "internal" {
  description = "Whether only the VPC and what is connected to it can reach the load balancer."
  type        = bool
}

variable "vpc_id" {
  description = "VPC of the targets."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the load balancer, one in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group that says who may connect."
  type        = string
}

variable "api_port" {
  description = "Port that the API listens on."
  type        = number
}

variable "domain_name" {
  description = "Name under which clients reach the API."
  type        = string
}

variable "zone_id" {
  description = "Route 53 zone of that name."
  type        = string
}

variable "logs_bucket" {
  description = "Bucket of the access logs."
  type        = string
}

variable "idle_timeout_seconds" {
  description = "How long a connection may be silent."
  type        = number
  default     = 58
}

variable "drain_seconds" {
  description = "How long a task that is about to stop may finish its requests; uploads take longest."
  type        = number
  default     = 120
}

variable "deletion_protection" {
  description = "Whether the load balancer refuses to be destroyed."
  type        = bool
}
