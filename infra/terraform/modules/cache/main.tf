# A Valkey replication group: one primary, replicas in other zones, failover, TLS and a token.
# Cluster mode is off: Celery's commands touch several keys at once.

locals {
  nodes = var.replicas + 1
  # ElastiCache numbers the nodes of a group; metrics know them by these names.
  member_ids = [for number in range(1, local.nodes + 1) : format("%s-%03d", var.name, number)]
}

resource "aws_elasticache_replication_group" "this" {
  # checkov:skip=CKV2_AWS_50: failover is on wherever there is a replica; prod refuses fewer than two
  replication_group_id = var.name
  description          = var.description

  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  num_cache_clusters   = local.nodes
  port                 = var.port
  parameter_group_name = aws_elasticache_parameter_group.this.name

  automatic_failover_enabled = var.replicas > 0
  multi_az_enabled           = var.replicas > 0
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [var.security_group_id]

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = aws_secretsmanager_secret_version.token.secret_string
  auth_token_update_strategy = var.auth_token_update_strategy

  auto_minor_version_upgrade = true
  apply_immediately          = var.apply_immediately
  maintenance_window         = var.maintenance_window
  snapshot_window            = var.snapshot_window
  snapshot_retention_limit   = var.snapshot_retention_days
  final_snapshot_identifier  = var.final_snapshot ? "${var.name}-final" : null

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this["engine"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "engine-log"
  }

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this["slow"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }
}

resource "aws_elasticache_parameter_group" "this" {
  name        = var.name
  description = var.description
  family      = "valkey${split(".", var.engine_version)[0]}"

  # An accepted job must never be evicted: a full server refuses new ones instead, and says so with 503.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }

  # Clients that vanished are noticed.
  parameter {
    name  = "tcp-keepalive"
    value = "60"
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = var.description
  subnet_ids  = var.subnet_ids
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["engine", "slow"])
  # checkov:skip=CKV_AWS_338: kept for as long as var.log_retention_days says; a year of logs is paid for by whoever needs it

  name              = "/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
