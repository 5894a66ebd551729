"""The simulation uses the numbers that infra/terraform deploys."""

import re
from pathlib import Path

import pytest

from benchmarks.scaling import scenarios
from benchmarks.scaling.policies import Burst, Tracking
from benchmarks.scaling.service_time import DEFAULT_MODEL
from shared.settings import Settings

TERRAFORM = Path(__file__).parents[2] / "infra/terraform"


def read(path: str) -> str:
    return (TERRAFORM / path).read_text()


def block(text: str, head: str) -> str:
    """Return the block of a .tf file that begins with a line, up to the brace that closes it."""
    start = text.index(head)
    return text[start : text.index("\n}\n", start)]


def number(text: str, name: str) -> float:
    """Return the number that a name has in a text, assigned or as an optional's default."""
    found = re.search(rf"\b{name}\s*=\s*(?:optional\(number, )?([0-9.]+)", text)
    assert found, name
    return float(found[1])


def service(environment: str, name: str) -> str:
    found = re.search(rf"^  {name}\s*= {{ (.*) }}$", read(f"environments/{environment}/main.tf"), re.MULTILINE)
    assert found, name
    return found[1]


def test_what_a_worker_may_have_waiting_is_the_stacks() -> None:
    variable = block(read("stack/variables.tf"), 'variable "interactive_worker"')

    assert number(variable, "seconds_per_message") == scenarios.SECONDS_PER_MESSAGE
    assert number(variable, "acceptable_wait_seconds") == scenarios.ACCEPTABLE_WAIT_SECONDS
    assert number(variable, "burst_seconds") == scenarios.BURST_SECONDS


def test_what_a_task_of_the_api_is_asked_is_the_stacks() -> None:
    variable = block(read("stack/variables.tf"), 'variable "api"')

    assert number(variable, "requests_per_second") == scenarios.REQUESTS_PER_SECOND
    assert f"floor(60 * {scenarios.REQUESTS_SHARE} * var.api.requests_per_second)" in read("stack/services.tf")


def test_both_services_aim_at_the_simulated_processor_share() -> None:
    services = read("stack/services.tf")

    assert number(block(services, 'module "api"'), "cpu_percent") == scenarios.CPU_PERCENT
    assert number(block(services, 'module "interactive_worker"'), "cpu_percent") == scenarios.CPU_PERCENT


@pytest.mark.parametrize("policy", ["cpu", "requests"])
def test_the_cooldowns_of_tracking_are_the_modules(policy: str) -> None:
    text = block(read("modules/service/scaling.tf"), f'"aws_appautoscaling_policy" "{policy}"')
    simulated = Tracking("cpu_percent", 55)

    assert number(text, "scale_out_cooldown") == simulated.scale_out_cooldown
    assert number(text, "scale_in_cooldown") == simulated.scale_in_cooldown


def test_the_cooldowns_of_the_backlog_are_the_modules() -> None:
    text = block(read("modules/service/scaling.tf"), '"aws_appautoscaling_policy" "backlog"')
    variable = block(read("modules/service/variables.tf"), 'variable "scaling"')

    assert number(text, "scale_out_cooldown") == Tracking("messages_per_task", 1).scale_out_cooldown
    assert number(variable, "scale_in_cooldown_seconds") == Tracking("messages_per_task", 1).scale_in_cooldown


def test_the_burst_step_is_the_modules() -> None:
    text = block(read("modules/service/scaling.tf"), '"aws_appautoscaling_policy" "burst"')
    alarm = block(read("modules/service/scaling.tf"), '"aws_cloudwatch_metric_alarm" "burst"')

    assert number(text, "scaling_adjustment") == Burst(15).percent
    assert number(text, "cooldown") == Burst(15).cooldown
    assert (number(alarm, "evaluation_periods"), number(alarm, "period")) == (1, 60)


def test_sizes_and_bounds_are_those_of_prod() -> None:
    api, worker = service("prod", "api"), service("prod", "interactive_worker")

    assert number(api, "cpu") == 1024 * scenarios.API_VCPUS
    assert (number(api, "minimum"), number(api, "maximum")) == (scenarios.API_MINIMUM, scenarios.API_MAXIMUM)
    assert number(worker, "cpu") == 1024 * scenarios.WORKER_VCPUS
    assert (number(worker, "minimum"), number(worker, "maximum")) == (
        scenarios.WORKER_MINIMUM,
        scenarios.WORKER_MAXIMUM,
    )


def test_the_rows_of_a_full_message_are_the_default() -> None:
    assert Settings.model_fields["message_rows"].default == DEFAULT_MODEL.message_rows
