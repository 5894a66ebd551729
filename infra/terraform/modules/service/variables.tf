variable "name" {
  description = "Name of the service, and of its container."
  type        = string
}

variable "platform" {
  description = "What the services of an environment have in common: region, cluster (names begin with its name), architecture of the images, seconds from SIGTERM to SIGKILL, alarms that roll a deployment back, whether `aws ecs execute-command` may open a session, key of logs and secrets, days that logs are kept."
  type = object({
    region                 = string
    cluster_arn            = string
    cluster_name           = string
    architecture           = string
    stop_timeout_seconds   = number
    deployment_alarm_names = list(string)
    enable_execute_command = bool
    kms_key_arn            = string
    log_retention_days     = number
  })
  validation {
    condition     = var.platform.stop_timeout_seconds >= 30 && var.platform.stop_timeout_seconds <= 120
    error_message = "Fargate waits for 120 s at most."
  }
}

variable "image" {
  description = "Image by digest."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest: …/name@sha256:…; a tag can be moved."
  }
}

variable "repository_arn" {
  description = "ARN of the repository that the image is pulled from."
  type        = string
}

variable "command" {
  description = "What `python -m shared.entrypoint` runs."
  type        = list(string)
}

variable "health_command" {
  description = "Command that exits with 0 while the container is healthy."
  type        = list(string)
}

variable "port" {
  description = "Port that the container listens on; none for a worker."
  type        = number
  default     = null
}

variable "size" {
  description = "CPU units (1024 are one vCPU), MiB of memory and GiB of disk of a task."
  type = object({
    cpu      = number
    memory   = number
    disk_gib = optional(number, 21)
  })
  validation {
    condition = anytrue([
      var.size.cpu == 256 && contains([512, 1024, 2048], var.size.memory),
      var.size.cpu == 512 && contains(range(1024, 4097, 1024), var.size.memory),
      var.size.cpu == 1024 && contains(range(2048, 8193, 1024), var.size.memory),
      var.size.cpu == 2048 && contains(range(4096, 16385, 1024), var.size.memory),
      var.size.cpu == 4096 && contains(range(8192, 30721, 1024), var.size.memory),
    ])
    error_message = "Fargate has no task of this size: see AWS's table of CPU and memory."
  }
  validation {
    condition     = var.size.disk_gib >= 21 && var.size.disk_gib <= 200
    error_message = "A Fargate task can be given 21 to 200 GiB of disk."
  }
}

variable "environment" {
  description = "Settings of the container."
  type        = map(string)
}

variable "secret_arns" {
  description = "Secrets of the container: the variable's name and the ARN of its value."
  type        = map(string)
}

variable "task_policies" {
  description = "What the application may do, as policy documents by name; none for what asks AWS for nothing."
  type        = map(string)
}

variable "subnet_ids" {
  description = "Subnets of the tasks, one in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group of the tasks."
  type        = string
}

variable "target_group_arn" {
  description = "Target group of a service that is reached from outside."
  type        = string
  default     = null
}

variable "capacity" {
  description = "Tasks that always run on demand, and the shares of on-demand and Spot among the others."
  type = object({
    on_demand_base   = number
    on_demand_weight = number
    spot_weight      = number
  })
  validation {
    condition     = var.capacity.on_demand_weight + var.capacity.spot_weight > 0
    error_message = "One of the two weights must be above 0."
  }
}

variable "scaling" {
  description = "Bounds of the number of tasks, and what moves it between them."
  type = object({
    minimum     = number
    maximum     = number
    cpu_percent = optional(number)
    requests = optional(object({
      per_minute_and_task = number
      resource_label      = string
    }))
    backlog = optional(object({
      queue_name                = string
      seconds_per_message       = number
      acceptable_wait_seconds   = number
      scale_in_cooldown_seconds = optional(number, 300)
    }))
    burst = optional(object({
      queue_name             = string
      oldest_message_seconds = number
    }))
    schedule = optional(map(object({
      schedule = string
      timezone = optional(string, "UTC")
      minimum  = number
      maximum  = number
    })), {})
  })
  validation {
    condition     = var.scaling.minimum >= 0 && var.scaling.maximum >= var.scaling.minimum && var.scaling.maximum > 0
    error_message = "The maximum must be above 0 and not below the minimum."
  }
}
