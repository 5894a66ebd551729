mock_provider "aws" {
  source          = "../../stack/tests/mocks"
  override_during = plan
}

variables {
  name               = "rowcall-prod-interactive"
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  visibility_seconds = 180
}

run "a_message_is_set_aside_after_five_deliveries" {
  command = plan

  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy).maxReceiveCount == 5
    error_message = "A stop gives a message back without any fault: five are needed."
  }
}

run "fewer_deliveries_are_refused_as_a_worker_would" {
  command = plan

  variables {
    max_receives = 3
  }

  expect_failures = [var.max_receives]
}

run "a_fifo_queue_is_refused" {
  command = plan

  variables {
    name = "rowcall.fifo"
  }

  expect_failures = [var.name]
}
