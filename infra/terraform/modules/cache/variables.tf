variable "name" {
  description = "Name of the replication group."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", var.name))
    error_message = "ElastiCache takes up to 40 lower-case letters, digits and hyphens."
  }
}

variable "description" {
  description = "What the server holds."
  type        = string
}

variable "engine_version" {
  description = "Version of Valkey."
  type        = string
  default     = "8.0"
}

variable "node_type" {
  description = "Size of each node."
  type        = string
}

variable "replicas" {
  description = "Nodes besides the primary; with none there is no failover."
  type        = number
  validation {
    condition     = var.replicas >= 0 && var.replicas <= 5
    error_message = "A replication group has 0 to 5 replicas."
  }
}

variable "port" {
  description = "Port that the server listens on."
  type        = number
  default     = 6379
}

variable "subnet_ids" {
  description = "Subnets in different zones."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group that says who may connect."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the nodes' disks, snapshots, logs and secrets."
  type        = string
}

variable "secret_prefix" {
  description = "Start of the names of the two secrets."
  type        = string
}

variable "auth_token_update_strategy" {
  description = "ROTATE keeps the old token valid beside the new one; SET retires it (docs/runbooks/rotate-secrets.md)."
  type        = string
  default     = "ROTATE"
  validation {
    condition     = contains(["ROTATE", "SET"], var.auth_token_update_strategy)
    error_message = "auth_token_update_strategy is ROTATE or SET."
  }
}

variable "apply_immediately" {
  description = "Whether a change of size or version happens now, and not in the maintenance window."
  type        = bool
}

variable "maintenance_window" {
  description = "When ElastiCache may replace nodes, in UTC."
  type        = string
  default     = "sun:03:00-sun:04:00"
}

variable "snapshot_window" {
  description = "When a replica is saved each day, in UTC."
  type        = string
  default     = "01:00-02:00"
}

variable "snapshot_retention_days" {
  description = "Days that snapshots are kept; 0 makes none."
  type        = number
}

variable "final_snapshot" {
  description = "Whether destroying the group saves it first."
  type        = bool
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be restored; 0 deletes it at once."
  type        = number
}

variable "log_retention_days" {
  description = "Days that the engine's log and slow log are kept."
  type        = number
}
