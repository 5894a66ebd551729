# What prod is, and what it refuses. Nothing is called: the provider is mocked.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment = "prod"
  region      = "eu-west-1"
  protect     = true
  domain      = { name = "rowcall.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  images = {
    api    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    worker = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/worker@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
  network            = { cidr = "10.40.0.0/16", availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  store              = { node_type = "cache.m7g.large", replicas = 2 }
  api                = { cpu = 512, memory = 1024, processes = 1, minimum = 3, maximum = 60 }
  interactive_worker = { cpu = 1024, memory = 2048, minimum = 3, maximum = 200 }
  bulk_worker        = { cpu = 1024, memory = 4096, minimum = 1, maximum = 30 }
}

run "prod_is_accepted_as_its_environment_has_it" {
  command = plan

  assert {
    condition     = output.settings["ROWCALL_BROKER_URL"] == "sqs://"
    error_message = "The queues must be on SQS unless told otherwise."
  }

  assert {
    condition     = output.settings["ROWCALL_STOP_SECONDS"] == "110"
    error_message = "The application must be done before ECS kills it after 120 s."
  }
}

run "prod_refuses_two_zones" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/16", availability_zones = ["eu-west-1a", "eu-west-1b"] }
  }

  expect_failures = [var.network]
}

run "prod_refuses_the_same_zone_three_times" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/16", availability_zones = ["eu-west-1a", "eu-west-1a", "eu-west-1a"] }
  }

  expect_failures = [var.network]
}

run "prod_refuses_a_single_nat_gateway" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/16", availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"], egress = "nat", single_nat = true }
  }

  expect_failures = [var.network]
}

run "prod_refuses_one_replica_of_the_store" {
  command = plan

  variables {
    store = { node_type = "cache.m7g.large", replicas = 1 }
  }

  expect_failures = [var.store]
}

run "prod_refuses_one_replica_of_a_redis_broker" {
  command = plan

  variables {
    broker       = "redis"
    redis_broker = { node_type = "cache.m7g.large", replicas = 1 }
  }

  expect_failures = [var.redis_broker]
}

run "prod_refuses_to_be_easily_destroyed" {
  command = plan

  variables {
    protect = false
  }

  expect_failures = [var.protect]
}

run "prod_refuses_fewer_tasks_than_zones" {
  command = plan

  variables {
    api                = { cpu = 512, memory = 1024, processes = 1, minimum = 2, maximum = 60 }
    interactive_worker = { cpu = 1024, memory = 2048, minimum = 2, maximum = 200 }
  }

  expect_failures = [var.api, var.interactive_worker]
}

run "prod_refuses_spot_for_what_a_client_waits_for" {
  command = plan

  variables {
    api                = { cpu = 512, memory = 1024, processes = 1, minimum = 3, maximum = 60, spot = true }
    interactive_worker = { cpu = 1024, memory = 2048, minimum = 3, maximum = 200, spot_only = true }
  }

  expect_failures = [var.api, var.interactive_worker]
}

run "prod_refuses_to_deliver_webhooks_from_one_zone" {
  command = plan

  variables {
    webhooks = { enabled = true, minimum = 1 }
  }

  expect_failures = [var.webhooks]
}

run "prod_refuses_a_maximum_without_room_for_a_peak" {
  command = plan

  variables {
    api                = { cpu = 512, memory = 1024, processes = 1, minimum = 3, maximum = 8 }
    interactive_worker = { cpu = 1024, memory = 2048, minimum = 40, maximum = 100 }
  }

  expect_failures = [var.api, var.interactive_worker]
}

run "a_message_that_takes_longer_than_the_acceptable_wait_is_refused" {
  command = plan

  variables {
    interactive_worker = { cpu = 1024, memory = 2048, minimum = 3, maximum = 200, seconds_per_message = 3 }
  }

  expect_failures = [var.interactive_worker]
}

run "an_image_by_tag_is_refused" {
  command = plan

  variables {
    images = {
      api    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/api:latest"
      worker = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/worker@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    }
  }

  expect_failures = [var.images]
}
