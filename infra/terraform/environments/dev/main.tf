# Cheap, and allowed to fail: two zones, one NAT gateway, all Spot, nothing that waits for files.

module "stack" {
  source = "../../stack"

  environment = "dev"
  region      = var.region
  protect     = false
  images      = var.images
  domain      = var.domain

  network = {
    cidr               = "10.42.0.0/16"
    availability_zones = var.availability_zones
    egress             = "nat"
    single_nat         = true
  }

  store = { node_type = "cache.t4g.micro", replicas = 1, snapshot_days = 1 }

  api                = { cpu = 256, memory = 512, processes = 1, minimum = 1, maximum = 2, spot = true }
  interactive_worker = { cpu = 512, memory = 1024, minimum = 1, maximum = 2, spot_only = true }
  bulk_worker        = { cpu = 256, memory = 1024, minimum = 0, maximum = 1, spot_only = true }
  webhooks           = { enabled = var.webhooks, minimum = 1, maximum = 2, spot_only = true }

  waf                    = { enabled = false }
  alarms                 = { emails = var.alarm_emails }
  enable_execute_command = true
  log_retention_days     = 14
}
