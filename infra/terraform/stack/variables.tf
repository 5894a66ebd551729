variable "application" {
  description = "First part of every name."
  type        = string
  default     = "rowcall"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.application))
    error_message = "3 to 20 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  description = "dev, staging or prod; prod refuses what would not survive the loss of a zone."
  type        = string
  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "The environment is dev, staging or prod."
  }
}

variable "region" {
  description = "AWS region, the provider's."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region is named like eu-west-1."
  }
}

variable "protect" {
  description = "Whether destroying is made hard: deletion protection, final snapshots, buckets that must be empty, secrets that can be restored."
  type        = bool
  validation {
    condition     = var.protect || var.environment != "prod"
    error_message = "prod needs protect = true: nothing there may be destroyed by one command."
  }
}

variable "images" {
  description = "The release: both images by digest, in ECR."
  type = object({
    api    = string
    worker = string
  })
  validation {
    condition = alltrue([
      for image in values(var.images) :
      can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9/_.-]+@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "An image is named like 123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/api@sha256:…"
  }
}

variable "architecture" {
  description = "Architecture that the images were built for: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture is ARM64 or X86_64."
  }
}

variable "domain" {
  description = "Name of the API, and the Route 53 zone that it lies in."
  type = object({
    name    = string
    zone_id = string
  })
}

variable "network" {
  description = "VPC: its /16, its zones (append, never reorder), the way out (endpoints or nat), who may reach the API."
  type = object({
    cidr               = string
    availability_zones = list(string)
    egress             = optional(string, "endpoints")
    single_nat         = optional(bool, false)
    client_cidrs       = optional(list(string), ["0.0.0.0/0"])
    internal           = optional(bool, false)
  })
  validation {
    condition     = var.environment != "prod" || length(distinct(var.network.availability_zones)) >= 3
    error_message = "prod needs 3 availability zones: with one lost, two carry the load."
  }
  validation {
    condition     = var.environment != "prod" || !var.network.single_nat
    error_message = "prod needs a NAT gateway in each zone: a single one goes with its zone."
  }
  validation {
    condition     = alltrue([for zone in var.network.availability_zones : startswith(zone, var.region)])
    error_message = "The availability zones must be of the region."
  }
}

variable "broker" {
  description = "What holds the queues: `sqs`, which outlives the job store, or `redis`, a Valkey of its own."
  type        = string
  default     = "sqs"
  validation {
    condition     = contains(["sqs", "redis"], var.broker)
    error_message = "broker is sqs or redis."
  }
}

variable "store" {
  description = "Valkey of the job records: size and number of nodes, snapshots, and how a new token is taken in."
  type = object({
    node_type                  = string
    replicas                   = number
    snapshot_days              = optional(number, 7)
    auth_token_update_strategy = optional(string, "ROTATE")
  })
  validation {
    condition     = var.environment != "prod" || var.store.replicas >= 2
    error_message = "prod needs 2 replicas of the job store: one in each other zone."
  }
}

variable "redis_broker" {
  description = "Valkey of the queues, with broker = \"redis\"."
  type = object({
    node_type = string
    replicas  = number
  })
  default = {
    node_type = "cache.m7g.large"
    replicas  = 2
  }
  validation {
    condition     = var.environment != "prod" || var.redis_broker.replicas >= 2
    error_message = "prod needs 2 replicas of the broker: one in each other zone."
  }
}

variable "api" {
  description = "Tasks of the API: size, web server processes, bounds, and the requests that one task was measured to serve in a second."
  type = object({
    cpu                 = number
    memory              = number
    processes           = number
    minimum             = number
    maximum             = number
    requests_per_second = optional(number, 150)
    spot                = optional(bool, false)
    schedule = optional(map(object({
      schedule = string
      timezone = optional(string, "UTC")
      minimum  = number
      maximum  = number
    })), {})
  })
  validation {
    condition     = var.environment != "prod" || var.api.minimum >= length(var.network.availability_zones)
    error_message = "prod needs a task of the API in each zone."
  }
  validation {
    condition     = var.environment != "prod" || !var.api.spot
    error_message = "prod must not run the API on Spot: a client waits for it."
  }
  validation {
    condition     = var.api.requests_per_second >= 1
    error_message = "A task of the API serves at least a request a second."
  }
  validation {
    condition     = var.environment != "prod" || var.api.maximum >= 3 * var.api.minimum
    error_message = "prod needs room for a peak: a maximum of three times the minimum of the API."
  }
}

variable "interactive_worker" {
  description = "Workers of single predictions: size, bounds, measured seconds per message, and what wait is acceptable."
  type = object({
    cpu                     = number
    memory                  = number
    minimum                 = number
    maximum                 = number
    seconds_per_message     = optional(number, 0.02)
    acceptable_wait_seconds = optional(number, 2)
    burst_seconds           = optional(number, 15)
    spot_only               = optional(bool, false)
    schedule = optional(map(object({
      schedule = string
      timezone = optional(string, "UTC")
      minimum  = number
      maximum  = number
    })), {})
  })
  validation {
    condition     = var.environment != "prod" || var.interactive_worker.minimum >= length(var.network.availability_zones)
    error_message = "prod needs an interactive worker in each zone."
  }
  validation {
    condition     = var.environment != "prod" || !var.interactive_worker.spot_only
    error_message = "prod needs the floor of the interactive workers on demand."
  }
  validation {
    condition     = var.interactive_worker.seconds_per_message > 0 && var.interactive_worker.acceptable_wait_seconds >= var.interactive_worker.seconds_per_message
    error_message = "A message takes some time, and less than the wait that is acceptable."
  }
  validation {
    condition     = var.environment != "prod" || var.interactive_worker.maximum >= 3 * var.interactive_worker.minimum
    error_message = "prod needs room for a peak: a maximum of three times the minimum of the interactive workers."
  }
}

variable "bulk_worker" {
  description = "Workers of files: size, bounds, measured seconds per chunk, and what wait is acceptable."
  type = object({
    cpu                     = number
    memory                  = number
    minimum                 = number
    maximum                 = number
    seconds_per_message     = optional(number, 5)
    acceptable_wait_seconds = optional(number, 600)
    spot_only               = optional(bool, false)
    schedule = optional(map(object({
      schedule = string
      timezone = optional(string, "UTC")
      minimum  = number
      maximum  = number
    })), {})
  })
}

variable "webhooks" {
  description = "Whether jobs may name webhooks, and the tasks that deliver them: size, bounds. They get subnets with NAT gateways, since receivers are on the internet."
  type = object({
    enabled   = optional(bool, false)
    cpu       = optional(number, 256)
    memory    = optional(number, 512)
    minimum   = optional(number, 2)
    maximum   = optional(number, 6)
    spot_only = optional(bool, false)
  })
  default = {}
  validation {
    condition     = var.environment != "prod" || !var.webhooks.enabled || var.webhooks.minimum >= 2
    error_message = "prod needs 2 tasks that deliver webhooks: one zone may be lost."
  }
}

variable "files_expire_days" {
  description = "Days after which a file in the bucket goes whatever happens."
  type        = number
  default     = 30
}

variable "input_buckets" {
  description = "Buckets that a client may name in `input_url`."
  type        = list(string)
  default     = []
}

variable "waf" {
  description = "Whether a web ACL stands before the load balancer, and how many requests of one address it lets through in 5 minutes."
  type = object({
    enabled                = optional(bool, true)
    requests_per_5_minutes = optional(number, 30000)
  })
  default = {}
}

variable "alarms" {
  description = "Who is told, and when: share of 5xx in percent, seconds of the slowest 1 %, whether silence is an alarm, share of tries in percent that may deliver no webhook."
  type = object({
    emails = optional(list(string), [])
    thresholds = optional(object({
      error_percent           = optional(number, 1)
      p99_seconds             = optional(number, 10)
      expects_traffic         = optional(bool, false)
      webhook_failure_percent = optional(number, 50)
    }), {})
  })
  default = {}
}

variable "settings" {
  description = "Further settings of every process, by the names of docs/reference/settings.md; they win over the stack's own."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^ROWCALL_[A-Z0-9_]+$", name))])
    error_message = "Settings are named ROWCALL_…; docs/reference/settings.md lists them."
  }
}

variable "enable_execute_command" {
  description = "Whether `aws ecs execute-command` may open a session in a task."
  type        = bool
  default     = false
  validation {
    condition     = var.environment != "prod" || !var.enable_execute_command
    error_message = "prod allows no sessions in its tasks."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
