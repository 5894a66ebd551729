# The environment as it is written can be planned. Nothing is called: the provider is mocked.

mock_provider "aws" {
  source          = "../../stack/tests/mocks"
  override_during = plan
}

variables {
  region             = "eu-west-1"
  availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  domain             = { name = "rowcall.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  alarm_emails       = ["oncall@example.com"]
  owner              = "predictions"
  cost_center        = "0000"
  images = {
    api    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/api@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    worker = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rowcall/worker@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
}

run "prod_can_be_planned" {
  command = plan

  assert {
    condition     = output.url == "https://rowcall.example.com"
    error_message = "Clients find the API under the name that was given."
  }
}
