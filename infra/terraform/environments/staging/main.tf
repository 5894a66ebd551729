# The shape of prod with smaller tasks, and without what makes destroying hard.

module "stack" {
  source = "../../stack"

  environment = "staging"
  region      = var.region
  protect     = false
  images      = var.images
  domain      = var.domain

  network = {
    cidr               = "10.41.0.0/16"
    availability_zones = var.availability_zones
  }

  store = { node_type = "cache.t4g.small", replicas = 2, snapshot_days = 1 }

  api                = { cpu = 512, memory = 1024, processes = 1, minimum = 3, maximum = 6 }
  interactive_worker = { cpu = 512, memory = 1024, minimum = 3, maximum = 12 }
  bulk_worker        = { cpu = 512, memory = 2048, minimum = 1, maximum = 4 }
  webhooks           = { enabled = var.webhooks }

  alarms = { emails = var.alarm_emails }
}
