# The broker on Redis, the way out by NAT, the least that dev may have. Nothing is called: the provider is mocked.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment = "dev"
  region      = "eu-west-1"
  protect     = false
  domain      = { name = "rowcall-dev.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  images = {
    api    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    worker = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/worker@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
  network            = { cidr = "10.42.0.0/16", availability_zones = ["eu-west-1a", "eu-west-1b"], egress = "nat", single_nat = true }
  store              = { node_type = "cache.t4g.micro", replicas = 0 }
  api                = { cpu = 256, memory = 512, processes = 1, minimum = 1, maximum = 2, spot = true }
  interactive_worker = { cpu = 512, memory = 1024, minimum = 1, maximum = 2, spot_only = true }
  bulk_worker        = { cpu = 256, memory = 1024, minimum = 0, maximum = 1, spot_only = true }
  waf                = { enabled = false }
}

run "the_broker_can_be_a_redis_of_its_own" {
  command = plan

  variables {
    broker       = "redis"
    redis_broker = { node_type = "cache.t4g.micro", replicas = 1 }
  }

  assert {
    condition     = length(module.queue) == 0 && length(module.broker) == 1
    error_message = "A broker on Redis is a server of its own, and there are no queues on SQS."
  }

  assert {
    condition     = contains(keys(output.secret_arns), "ROWCALL_BROKER_URL") && !contains(keys(output.settings), "ROWCALL_SQS_BULK_URL")
    error_message = "The broker's URL is a secret, and SQS is not mentioned."
  }
}

run "a_setting_of_the_caller_wins_and_the_queues_follow_it" {
  command = plan

  variables {
    settings = { ROWCALL_PREDICT_TIMEOUT_SECONDS = "100", ROWCALL_LOG_LEVEL = "DEBUG" }
  }

  assert {
    condition     = output.settings["ROWCALL_PREDICT_TIMEOUT_SECONDS"] == "100" && output.settings["ROWCALL_LOG_LEVEL"] == "DEBUG"
    error_message = "Settings of the caller must reach the processes."
  }
}

run "webhooks_are_off_unless_asked_for" {
  command = plan

  assert {
    condition     = length(module.webhooks) == 0 && !contains(keys(output.settings), "ROWCALL_WEBHOOKS") && !contains(keys(output.secret_arns), "ROWCALL_WEBHOOK_SECRETS")
    error_message = "Nothing of webhooks may be there."
  }
}

run "webhooks_bring_a_service_of_their_own_with_its_secret" {
  command = plan

  variables {
    webhooks = { enabled = true, minimum = 1 }
  }

  assert {
    condition     = contains(output.services, "webhooks") && output.settings["ROWCALL_WEBHOOKS"] == "true"
    error_message = "Jobs may name webhooks, and something delivers them."
  }

  assert {
    condition     = contains(keys(output.secret_arns), "ROWCALL_WEBHOOK_SECRETS")
    error_message = "What webhooks are signed with is a secret."
  }
}

run "another_name_than_a_setting_is_refused" {
  command = plan

  variables {
    settings = { LOG_LEVEL = "DEBUG" }
  }

  expect_failures = [var.settings]
}

run "a_zone_of_another_region_is_refused" {
  command = plan

  variables {
    network = { cidr = "10.42.0.0/16", availability_zones = ["us-east-1a", "us-east-1b"] }
  }

  expect_failures = [var.network]
}
