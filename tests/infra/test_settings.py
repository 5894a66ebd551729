"""What Terraform tells the processes is what the application reads: names, values, and the servers behind them."""

import json
from typing import Any

import pytest

from api.__main__ import require_choice
from shared.queues import Lane
from shared.settings import ENVIRONMENT_PREFIX, Settings, read_settings
from tests.infra.conftest import Cloud
from tests.infra.terraform import REGION, Terraform
from tests.moto_process import CREDENTIALS
from worker.queue_check import require_fit_queues
from worker.webhooks.__main__ import create_courier
from worker.webhooks.courier import Courier
from worker.webhooks.pulse import Pulse

pytestmark = [pytest.mark.infra, pytest.mark.timeout(1200)]

NAME = "rowcall-staging"
#: Settings that hold a password, a token or a key.
SECRETS = {
    f"{ENVIRONMENT_PREFIX}{name.upper()}"
    for name, field in Settings.model_fields.items()
    if "SecretStr" in str(field.annotation)
}
VARIABLES = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
SERVICES = ("api", "interactive-worker", "bulk-worker", "webhooks")


def container(cloud: Cloud, service: str) -> dict[str, Any]:
    """Return the container of a service, as ECS would start it."""
    ecs = cloud.client("ecs")
    [found] = ecs.describe_services(cluster=NAME, services=[service])["services"]
    definition = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
    return dict(definition["containerDefinitions"][0])


def environment_of(cloud: Cloud, service: str) -> dict[str, str]:
    """Return the variables of a service's container, its secrets read as ECS would."""
    found = container(cloud, service)
    plain = {each["name"]: each["value"] for each in found["environment"]}
    secrets = cloud.client("secretsmanager")
    return plain | {
        each["name"]: secrets.get_secret_value(SecretId=each["valueFrom"])["SecretString"] for each in found["secrets"]
    }


def as_aws_names_it(url: str | None) -> str:
    """Return the URL of a queue as AWS would have named it: moto names its own host, and leaves out the region."""
    assert url
    return f"https://sqs.{REGION}.amazonaws.com/{'/'.join(url.split('/')[-2:])}"


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(deployed: Terraform, cloud: Cloud, service: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a process of this service reads when it starts."""
    for name, value in environment_of(cloud, service).items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_the_outputs_are_settings_of_the_application(deployed: Terraform) -> None:
    outputs = deployed.outputs()

    assert {*outputs["settings"], *outputs["secret_arns"]} - VARIABLES == set()


def test_the_outputs_lead_to_every_server(deployed: Terraform) -> None:
    outputs = deployed.outputs()

    assert {"ROWCALL_REDIS_URL", "ROWCALL_OPERATOR_TOKEN", "ROWCALL_WEBHOOK_SECRETS"} <= outputs["secret_arns"].keys()
    assert {"ROWCALL_BROKER_URL", "ROWCALL_FILES_URL"} <= outputs["settings"].keys()
    assert {f"ROWCALL_SQS_{lane.upper()}_URL" for lane in Lane} <= outputs["settings"].keys()


def test_no_secret_is_among_the_outputs(deployed: Terraform, cloud: Cloud) -> None:
    secrets = cloud.client("secretsmanager")
    names = [each["Name"] for each in secrets.list_secrets()["SecretList"]]
    values = [secrets.get_secret_value(SecretId=name)["SecretString"] for name in names]

    printed = deployed.run("output", "-json")

    assert len(values) == 4
    assert [value for value in values if value in printed] == []


def test_nothing_secret_is_in_the_definition_of_a_container(deployed: Terraform, cloud: Cloud, service: str) -> None:
    found = container(cloud, service)
    secrets = cloud.client("secretsmanager")
    names = [each["Name"] for each in secrets.list_secrets()["SecretList"]]
    values = [secrets.get_secret_value(SecretId=name)["SecretString"] for name in names]

    plain = {each["name"]: each["value"] for each in found["environment"]}
    in_the_open = {name: plain[name] for name in plain.keys() & SECRETS}

    assert {each["name"] for each in found["secrets"]} >= {"ROWCALL_REDIS_URL"}
    assert [value for value in values if value in json.dumps(found)] == []
    # No secret; on Redis the same variable holds a password, and is given as one.
    assert in_the_open == {"ROWCALL_BROKER_URL": "sqs://"}


def test_a_process_is_told_nothing_that_it_does_not_know(deployed: Terraform, cloud: Cloud, service: str) -> None:
    assert environment_of(cloud, service).keys() - VARIABLES == set()


def test_a_process_can_read_its_settings(settings: Settings) -> None:
    assert settings.is_on_sqs
    assert settings.store_url.startswith("rediss://:")
    assert settings.effective_files_url.startswith(f"s3://{NAME}-files-")


def test_a_process_has_ended_before_ecs_kills_it(settings: Settings, cloud: Cloud, service: str) -> None:
    assert settings.stop_seconds < container(cloud, service)["stopTimeout"] <= 120


@pytest.mark.parametrize("service", ["api"], indirect=True)
def test_the_api_listens_where_the_load_balancer_asks(settings: Settings, cloud: Cloud) -> None:
    [group] = cloud.client("elbv2").describe_target_groups(Names=[f"{NAME}-api"])["TargetGroups"]

    assert (settings.host, settings.port) == ("0.0.0.0", group["Port"])
    assert group["HealthCheckPath"] == "/livez"


@pytest.mark.parametrize("service", ["api"], indirect=True)
def test_the_api_starts_and_lets_nobody_in_without_a_key(settings: Settings) -> None:
    require_choice(settings)

    assert settings.require_keys is True


@pytest.mark.parametrize("service", ["api"], indirect=True)
def test_a_connection_outlives_the_longest_wait_and_not_the_server(settings: Settings, cloud: Cloud) -> None:
    elb = cloud.client("elbv2")
    arn = elb.describe_load_balancers(Names=[NAME])["LoadBalancers"][0]["LoadBalancerArn"]

    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]

    [idle_seconds] = [float(each["Value"]) for each in attributes if each["Key"] == "idle_timeout.timeout_seconds"]
    assert settings.max_wait_seconds < idle_seconds < settings.client_timeout_seconds


@pytest.mark.parametrize(
    ("service", "lane"), [("interactive-worker", Lane.INTERACTIVE), ("bulk-worker", Lane.BULK)], indirect=["service"]
)
def test_a_worker_takes_the_messages_of_its_lane(settings: Settings, lane: Lane) -> None:
    assert settings.lanes == (lane,)
    assert settings.health_file is not None


@pytest.mark.parametrize("service", ["interactive-worker", "bulk-worker"], indirect=True)
def test_a_worker_accepts_its_queue(settings: Settings, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS["AWS_ACCESS_KEY_ID"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS["AWS_SECRET_ACCESS_KEY"])

    at_aws = {f"sqs_{lane}_url": as_aws_names_it(url) for lane, url in settings.queue_urls.items()}

    require_fit_queues(settings.model_copy(update={"sqs_endpoint_url": cloud.moto.url, **at_aws}))


@pytest.mark.parametrize("service", ["api"], indirect=True)
def test_the_api_takes_webhooks_and_cannot_sign_them(settings: Settings) -> None:
    assert settings.webhooks
    assert settings.webhook_secrets == ()


@pytest.mark.parametrize("service", ["webhooks"], indirect=True)
def test_what_delivers_webhooks_starts_with_what_it_is_told(settings: Settings) -> None:
    courier = create_courier(settings, Pulse(settings.health_file))

    assert isinstance(courier, Courier)
    assert len(settings.webhook_secrets) == 1
    assert settings.operator_token is None


def test_a_container_has_no_rights_that_it_does_not_need(deployed: Terraform, cloud: Cloud, service: str) -> None:
    found = container(cloud, service)

    assert found["user"] == "10001"
    assert found["readonlyRootFilesystem"] is True
    assert found["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert "@sha256:" in found["image"]
