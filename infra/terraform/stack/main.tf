# The composition: the only place that knows more than one module.

module "kms" {
  source = "../modules/kms"

  name   = local.name
  region = var.region
}

module "network" {
  source = "../modules/network"

  name               = local.name
  region             = var.region
  cidr               = var.network.cidr
  availability_zones = var.network.availability_zones
  egress             = var.network.egress
  single_nat         = var.network.single_nat
  outbound           = var.webhooks.enabled
  client_cidrs       = var.network.client_cidrs
  api_port           = local.port
  kms_key_arn        = module.kms.key_arn
  log_retention_days = var.log_retention_days
}

module "storage" {
  source = "../modules/storage"

  name               = local.name
  kms_key_arn        = module.kms.key_arn
  expire_days        = var.files_expire_days
  log_retention_days = var.log_retention_days
  force_destroy      = !var.protect
}

module "secrets" {
  source = "../modules/secrets"

  name = local.name
  secrets = merge(
    { operator-token = { description = "Proves an operator of the quarantine (ROWCALL_OPERATOR_TOKEN)" } },
    # 48 letters and digits are the base64 of 36 bytes.
    { for name in local.webhooks : "webhook-secrets" => { description = "What webhooks are signed with (ROWCALL_WEBHOOK_SECRETS)", prefix = "whsec_" } },
  )
  kms_key_arn          = module.kms.key_arn
  recovery_window_days = local.recovery_window_days
}

module "queue" {
  source   = "../modules/queue"
  for_each = local.is_on_sqs ? local.lanes : {}

  name               = "${local.name}-${each.key}"
  kms_key_arn        = module.kms.key_arn
  visibility_seconds = 2 * local.predict_timeout_seconds + 60
}

# The job store. With broker = "redis" the queues have a server of their own, so that neither fills the other.
module "store" {
  source = "../modules/cache"

  name                       = "${local.name}-store"
  description                = "Job records of ${local.name}"
  node_type                  = var.store.node_type
  replicas                   = var.store.replicas
  snapshot_retention_days    = var.store.snapshot_days
  auth_token_update_strategy = var.store.auth_token_update_strategy
  apply_immediately          = !var.protect
  final_snapshot             = var.protect
  subnet_ids                 = module.network.data_subnet_ids
  security_group_id          = module.network.security_group_ids["cache"]
  kms_key_arn                = module.kms.key_arn
  secret_prefix              = "${local.name}/store"
  recovery_window_days       = local.recovery_window_days
  log_retention_days         = var.log_retention_days
}

module "broker" {
  source   = "../modules/cache"
  for_each = local.is_on_sqs ? toset([]) : toset(["broker"])

  name                       = "${local.name}-broker"
  description                = "Queues of ${local.name}"
  node_type                  = var.redis_broker.node_type
  replicas                   = var.redis_broker.replicas
  snapshot_retention_days    = var.store.snapshot_days
  auth_token_update_strategy = var.store.auth_token_update_strategy
  apply_immediately          = !var.protect
  final_snapshot             = var.protect
  subnet_ids                 = module.network.data_subnet_ids
  security_group_id          = module.network.security_group_ids["cache"]
  kms_key_arn                = module.kms.key_arn
  secret_prefix              = "${local.name}/broker"
  recovery_window_days       = local.recovery_window_days
  log_retention_days         = var.log_retention_days
}

module "alb" {
  source = "../modules/alb"

  name                = local.name
  internal            = var.network.internal
  vpc_id              = module.network.vpc_id
  subnet_ids          = var.network.internal ? module.network.private_subnet_ids : module.network.public_subnet_ids
  security_group_id   = module.network.security_group_ids["alb"]
  api_port            = local.port
  domain_name         = var.domain.name
  zone_id             = var.domain.zone_id
  logs_bucket         = module.storage.logs_bucket
  deletion_protection = var.protect
}

module "waf" {
  source   = "../modules/waf"
  for_each = var.waf.enabled ? toset(["api"]) : toset([])

  name                   = local.name
  load_balancer_arn      = module.alb.arn
  requests_per_5_minutes = var.waf.requests_per_5_minutes
  kms_key_arn            = module.kms.key_arn
  log_retention_days     = var.log_retention_days
}

module "cluster" {
  source = "../modules/cluster"

  name               = local.name
  kms_key_arn        = module.kms.key_arn
  log_retention_days = var.log_retention_days
}

module "observability" {
  source = "../modules/observability"

  name                     = local.name
  region                   = var.region
  kms_key_arn              = module.kms.key_arn
  emails                   = var.alarms.emails
  service_arn_prefix       = "arn:${data.aws_partition.current.partition}:ecs:${var.region}:${data.aws_caller_identity.current.account_id}:service/${local.name}"
  load_balancer_arn_suffix = module.alb.arn_suffix
  target_group_arn_suffix  = module.alb.target_group_arn_suffix
  cache_node_ids           = local.cache_node_ids
  thresholds               = var.alarms.thresholds

  services = merge(
    {
      api                = var.api.minimum
      interactive-worker = var.interactive_worker.minimum
      bulk-worker        = var.bulk_worker.minimum
    },
    { for name in local.webhooks : name => var.webhooks.minimum },
  )
  webhook_log_groups = { for name, service in module.webhooks : name => service.log_group }

  queues = {
    for lane, queue in module.queue : lane => {
      name                   = queue.name
      dead_name              = queue.dead_name
      oldest_message_seconds = local.lanes[lane].oldest_message_seconds
    }
  }
}
