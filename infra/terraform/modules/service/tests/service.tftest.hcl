# The arithmetic of the scaling and the sizes that Fargate has. Nothing is called: the provider is mocked.

mock_provider "aws" {
  source          = "../../stack/tests/mocks"
  override_during = plan
}

variables {
  name              = "interactive-worker"
  image             = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/worker@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  repository_arn    = "arn:aws:ecr:eu-west-1:123456789012:repository/rowcall/worker"
  command           = ["python", "-m", "worker"]
  health_command    = ["python", "-m", "worker.health"]
  size              = { cpu = 1024, memory = 2048 }
  environment       = { ROWCALL_LANES = "interactive" }
  secret_arns       = { ROWCALL_REDIS_URL = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:url-abcdef" }
  task_policies     = { work = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  subnet_ids        = ["subnet-1", "subnet-2", "subnet-3"]
  security_group_id = "sg-1"
  capacity          = { on_demand_base = 3, on_demand_weight = 1, spot_weight = 3 }
  platform = {
    region                 = "eu-west-1"
    cluster_arn            = "arn:aws:ecs:eu-west-1:123456789012:cluster/rowcall-prod"
    cluster_name           = "rowcall-prod"
    architecture           = "ARM64"
    stop_timeout_seconds   = 120
    deployment_alarm_names = ["rowcall-prod-api-errors"]
    enable_execute_command = false
    kms_key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_retention_days     = 30
  }
  scaling = {
    minimum     = 3
    maximum     = 200
    cpu_percent = 55
    backlog     = { queue_name = "rowcall-prod-interactive", seconds_per_message = 0.02, acceptable_wait_seconds = 2 }
    burst       = { queue_name = "rowcall-prod-interactive", oldest_message_seconds = 15 }
  }
}

run "a_task_may_have_as_many_messages_waiting_as_it_answers_in_the_acceptable_wait" {
  command = plan

  assert {
    condition     = aws_appautoscaling_policy.backlog["backlog"].target_tracking_scaling_policy_configuration[0].target_value == 100
    error_message = "2 s of messages that take 0.02 s each are 100."
  }
}

run "the_container_is_stopped_late_and_can_change_nothing_but_tmp" {
  command = plan

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 120
    error_message = "A worker gets all the time that Fargate allows."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "10001"
    error_message = "The container has no rights that it does not need."
  }
}

run "a_size_that_fargate_does_not_have_is_refused" {
  command = plan

  variables {
    size = { cpu = 512, memory = 512 }
  }

  expect_failures = [var.size]
}

run "bounds_that_cross_are_refused" {
  command = plan

  variables {
    scaling = { minimum = 3, maximum = 2 }
  }

  expect_failures = [var.scaling]
}
