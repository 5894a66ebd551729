# Survives the loss of a zone without scaling: a task in each zone, two replicas, at most 60 % busy.

module "stack" {
  source = "../../stack"

  environment = "prod"
  region      = var.region
  protect     = true
  images      = var.images
  domain      = var.domain

  network = {
    cidr               = "10.40.0.0/16"
    availability_zones = var.availability_zones
  }

  store = { node_type = "cache.m7g.large", replicas = 2 }

  api                = { cpu = 512, memory = 1024, processes = 1, minimum = 3, maximum = 60 }
  interactive_worker = { cpu = 1024, memory = 2048, minimum = 3, maximum = 200 }
  bulk_worker        = { cpu = 1024, memory = 4096, minimum = 1, maximum = 30 }
  webhooks           = { enabled = var.webhooks }

  log_retention_days = 90

  alarms = {
    emails     = var.alarm_emails
    thresholds = { expects_traffic = true }
  }
}
