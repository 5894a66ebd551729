"""What must hold in the Terraform files before anything is made of them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.queues import Lane
from shared.settings import ENVIRONMENT_PREFIX, Settings
from tests.infra.source import read_blocks
from tests.infra.terraform import Terraform, terraform_environment

pytestmark = [pytest.mark.infra, pytest.mark.timeout(900)]

ROOTS = ("bootstrap", "environments/dev", "environments/staging", "environments/prod")
SETTINGS = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
SETTING = re.compile(rf"\b{ENVIRONMENT_PREFIX}[A-Z0-9_]*[A-Z0-9]\b")
RUNBOOK = re.compile(r"docs/runbooks|local\.runbooks")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "infra/terraform"


@pytest.fixture(scope="module")
def findings(root: Path) -> dict[str, Any]:
    """What checkov finds, without asking anybody on the network."""
    checkov = root / ".venv/checkov/bin/checkov"
    assert checkov.exists(), "`make .venv/infra` installs checkov"
    command = [
        str(checkov),
        "--directory",
        "infra/terraform",
        "--framework",
        "terraform",
        "--compact",
        "--skip-download",
    ]
    run = subprocess.run([*command, "--output", "json"], cwd=root, capture_output=True, text=True, check=False)
    return dict(json.loads(run.stdout))


def test_the_files_are_formatted(tree: Path) -> None:
    command = ["terraform", "fmt", "-check", "-recursive", "-diff"]

    run = subprocess.run(
        command, cwd=tree, env=terraform_environment(tree), capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("name", ["environments/dev", "environments/prod"])
def test_what_the_other_tests_do_not_apply_is_valid_and_can_be_planned(tree: Path, name: str) -> None:
    terraform = Terraform(tree, name, {})
    (terraform.folder / "terraform.tfvars.json").unlink()
    terraform.init("-lockfile=readonly", "-backend=false")

    assert "Success!" in terraform.run("validate")
    assert "Success! 1 passed, 0 failed." in terraform.run("test")


@pytest.mark.parametrize("name", ["stack", "modules/service", "modules/queue"])
def test_the_tests_that_are_written_in_terraform_pass(tree: Path, name: str) -> None:
    terraform = Terraform(tree, name, {})
    (terraform.folder / "terraform.tfvars.json").unlink()
    # Modules leave the version open, and have no lock file: tests use what the environments use.
    shutil.copy(tree / "environments/prod/.terraform.lock.hcl", terraform.folder)
    terraform.init()

    assert re.search(r"Success! [1-9]\d* passed, 0 failed\.", terraform.run("test"))


def test_every_variable_is_described_and_typed(folder: Path) -> None:
    variables = read_blocks(folder, "variable")

    bare = [(block.file, block.name) for block in variables if not (block.has("description") and block.has("type"))]
    assert len(variables) > 100
    assert bare == []


def test_every_output_is_described(folder: Path) -> None:
    outputs = read_blocks(folder, "output")

    assert len(outputs) > 30
    assert [(block.file, block.name) for block in outputs if not block.has("description")] == []


def test_only_roots_configure_a_provider(folder: Path) -> None:
    files = {str(block.file.relative_to(folder)) for block in read_blocks(folder, "provider")}

    assert files == {f"{name}/versions.tf" for name in ROOTS}


def test_nothing_is_counted_that_could_be_named(folder: Path) -> None:
    blocks = read_blocks(folder, "resource", "data", "module")

    assert [(block.file, block.name) for block in blocks if block.has("count")] == []


def test_every_root_locks_the_same_provider_for_every_platform(folder: Path) -> None:
    locks = {(folder / name / ".terraform.lock.hcl").read_text() for name in ROOTS}

    assert len(locks) == 1
    assert locks.pop().count('"zh:') == 15


def test_every_alarm_names_a_runbook(folder: Path) -> None:
    alarms = [block for block in read_blocks(folder, "resource") if block.name == "aws_cloudwatch_metric_alarm"]

    assert len(alarms) >= 11
    assert [block.file for block in alarms if not RUNBOOK.search(block.body)] == []


def test_the_alarm_of_webhooks_counts_what_their_log_says(folder: Path, root: Path) -> None:
    counted = re.findall(r'message = \\"([^"]+)\\"', (folder / "modules/observability/webhook_alarms.tf").read_text())

    logged = re.findall(r'log\.\w+\("([^"]+)", extra=facts\)', (root / "worker/webhooks/courier.py").read_text())
    assert len(counted) == 3
    assert set(counted) == set(logged)


def test_every_module_is_explained(folder: Path) -> None:
    modules = [*(folder / "modules").iterdir(), folder / "stack", folder / "bootstrap"]

    assert [module for module in modules if not (module / "README.md").exists()] == []


def test_no_setting_is_named_that_the_application_does_not_have(folder: Path) -> None:
    files = [file for kind in ("*.tf", "*.hcl", "*.md") for file in folder.rglob(kind)]

    named = {name for file in files for name in SETTING.findall(file.read_text())}

    assert "ROWCALL_FILES_URL" in named
    assert named - SETTINGS == set()


def test_every_lane_has_a_queue_and_a_worker(folder: Path) -> None:
    services = (folder / "stack/services.tf").read_text()

    assert set(re.findall(r"worker_settings\.(\w+)", services)) == {lane.value for lane in Lane}


def test_every_image_that_fargate_runs_lets_its_user_write_to_the_one_volume(root: Path) -> None:
    """Fargate gives a volume to root, unless the image declares it: then it takes owner and mode from there."""
    images = [root / "docker" / f"{name}.Dockerfile" for name in ("api", "worker")]

    assert [image.name for image in images if 'VOLUME ["/tmp"]' not in image.read_text()] == []


def test_checkov_finds_nothing(findings: dict[str, Any]) -> None:
    failed = [(each["check_id"], each["resource"]) for each in findings["results"]["failed_checks"]]

    assert findings["summary"]["passed"] > 500
    assert findings["summary"]["parsing_errors"] == 0
    assert failed == []


def test_every_check_that_is_skipped_says_why(findings: dict[str, Any]) -> None:
    skipped = findings["results"]["skipped_checks"]

    assert [each for each in skipped if len(each["check_result"]["suppress_comment"]) < 20] == []
