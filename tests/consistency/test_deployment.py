"""What deploys the service names only what there is: settings, lanes, metrics, files."""

import json
import re
from pathlib import Path, PurePath
from typing import Any

import pytest
import yaml

from shared.metrics import BY_NAME, Kind
from shared.queues import Lane
from shared.settings import ENVIRONMENT_PREFIX, Settings
from worker.stopping import GIVE_BACK_SECONDS

ROOT = Path(__file__).resolve().parent.parent.parent
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
each_dockerfile = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
VARIABLE = re.compile(rf"\b{ENVIRONMENT_PREFIX}[A-Z0-9_]*[A-Z0-9]\b")
METRIC = re.compile(r"\browcall_[a-z_]+\b")
#: Variables of Compose itself: which images and ports, and what the emulator is asked with.
OF_COMPOSE = {
    "ROWCALL_API_IMAGE",
    "ROWCALL_WORKER_IMAGE",
    "ROWCALL_STORE_IMAGE",
    "ROWCALL_AWS_IMAGE",
    "ROWCALL_AWS_EMULATOR_KEY",
    "ROWCALL_PROMETHEUS_PORT",
    "ROWCALL_GRAFANA_PORT",
}
#: Lines of its tool that say where a package index is.
INDEX = re.compile(r"https?://(?!127\.0\.0\.1|aws:5000|prometheus:9090)")


#: What processes read of their rooms.
SOURCES = {".py", ".lua", ".yaml", ".html", ".js", ".css", ".svg"}


def is_named(file: PurePath, pattern: str) -> bool:
    """Say whether a pattern without `**` names a file: `*` stands for no slash."""
    return len(file.parts) == pattern.count("/") + 1 and file.match(pattern)


def samples_of(name: str) -> set[str]:
    """Return the names under which Prometheus keeps a metric."""
    suffixes = ("_bucket", "_sum", "_count") if BY_NAME[name].kind is Kind.HISTOGRAM else ("",)
    return {name + suffix for suffix in suffixes}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    document = json.loads((ROOT / "infra/monitoring/dashboards/rowcall.json").read_text())
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize(
    "name", ["docker-compose.yml", "docker/aws.env", *(f"docker/{path.name}" for path in DOCKERFILES)]
)
def test_only_settings_that_exist_are_set(name: str) -> None:
    named = set(VARIABLE.findall((ROOT / name).read_text()))

    known = {f"{ENVIRONMENT_PREFIX}{field.upper()}" for field in Settings.model_fields}
    assert named - known - OF_COMPOSE == set()


def test_every_lane_has_a_service(compose: dict[str, Any]) -> None:
    environments = [service.get("environment", {}) for service in compose["services"].values()]

    assert {environment["ROWCALL_LANES"] for environment in environments if "ROWCALL_LANES" in environment} == set(Lane)


def test_what_delivers_webhooks_is_off_unless_asked_for(compose: dict[str, Any]) -> None:
    service = compose["services"]["webhooks"]

    assert service["profiles"] == ["webhooks"]
    assert service["environment"]["ROWCALL_WEBHOOKS"] == "${ROWCALL_WEBHOOKS:-}"


def test_only_what_delivers_webhooks_knows_what_they_are_signed_with(compose: dict[str, Any]) -> None:
    environments = {name: service.get("environment", {}) for name, service in compose["services"].items()}

    assert [name for name, told in environments.items() if "ROWCALL_WEBHOOK_SECRETS" in told] == ["webhooks"]


def test_every_port_is_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert len(ports) == 3
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("service", ["api", "worker", "bulk-worker", "webhooks", "aws", "prometheus", "grafana"])
def test_a_container_is_confined(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]

    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", ["api", "worker", "bulk-worker", "webhooks"])
def test_a_container_may_take_longer_to_stop_than_its_process(compose: dict[str, Any], service: str) -> None:
    seconds = float(compose["services"][service]["stop_grace_period"].removesuffix("s"))

    assert seconds >= Settings().stop_seconds + GIVE_BACK_SECONDS


@each_dockerfile
def test_an_image_installs_by_hash_and_runs_as_nobody(dockerfile: Path) -> None:
    text = dockerfile.read_text()

    assert text.count(" -m pip ") == text.count("--require-hashes") == 1
    assert "\nUSER 10001:10001\n" in text
    assert text.rindex("\nFROM ") < text.index("\nUSER ")


@each_dockerfile
def test_an_image_starts_its_process_without_a_shell(dockerfile: Path) -> None:
    starts = re.findall(r"^(?:ENTRYPOINT|CMD| +CMD) (.)", dockerfile.read_text(), re.MULTILINE)

    assert len(starts) >= 2
    assert set(starts) == {"["}


def test_no_file_names_a_package_index_or_a_registry() -> None:
    files = [*DOCKERFILES, ROOT / "docker-compose.yml", *(ROOT / "infra/monitoring").rglob("*.*")]

    assert {str(file) for file in files if INDEX.search(file.read_text())} == set()


def test_the_build_context_is_an_allow_list() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    patterns = [line for line in lines if not line.startswith("#")]
    assert patterns[0] == "*"
    assert [pattern for pattern in patterns[1:] if not pattern.startswith("!")] == ["models/*/*/*"]


@pytest.mark.parametrize("room", ["api", "shared", "worker"])
def test_everything_in_a_room_gets_into_the_build_context(room: str) -> None:
    patterns = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    files = [path.relative_to(ROOT) for path in (ROOT / room).rglob("*") if path.suffix in SOURCES]

    named = [file for file in files if any(is_named(file, pattern) for pattern in patterns)]
    assert len(files) > 10
    assert set(files) - set(named) == set()


def test_grafana_asks_the_prometheus_beside_it(compose: dict[str, Any], dashboard: dict[str, Any]) -> None:
    provisioned = yaml.safe_load((ROOT / "infra/monitoring/grafana/datasources/prometheus.yml").read_text())
    [source] = provisioned["datasources"]

    host, port = source["url"].removeprefix("http://").split(":")
    assert compose["services"][host]["ports"][0].endswith(f":{port}")
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}


def test_grafana_reads_its_dashboards_where_they_are_mounted(compose: dict[str, Any]) -> None:
    provisioned = yaml.safe_load((ROOT / "infra/monitoring/grafana/dashboards/rowcall.yml").read_text())
    grafana = compose["services"]["grafana"]
    mounts = [volume.split(":")[:2] for volume in grafana["volumes"]]

    [path] = [provider["options"]["path"] for provider in provisioned["providers"]]
    assert ["./infra/monitoring/dashboards", path] in mounts
    assert ["./infra/monitoring/grafana", "/etc/grafana/provisioning"] in mounts
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{path}/rowcall.json"


def test_the_dashboard_asks_for_metrics_that_exist(dashboard: dict[str, Any]) -> None:
    asked = {
        name for panel in dashboard["panels"] for target in panel["targets"] for name in METRIC.findall(target["expr"])
    }

    known = set().union(*map(samples_of, BY_NAME))
    assert asked - known == set()
    assert {name for name in BY_NAME if not samples_of(name) & asked} == set()
