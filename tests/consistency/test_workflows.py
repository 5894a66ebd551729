"""What every workflow of GitHub must have."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TERRAFORM = ROOT / "infra/terraform"
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)

#: Every permission that a job may have, and which jobs need it.
GRANTED = {
    "contents: read": {"*"},
    "id-token: write": {
        "images/build",
        "plan/plan",
        "deploy/apply",
        "release/images",
        "release/staging",
        "release/prod",
    },
    "contents: write": {"release/publish"},
}


def parse(workflow: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    document = yaml.safe_load(workflow.read_text())
    document["on"] = document.pop(True)
    return dict(document)


def used(text: str) -> list[str]:
    return re.findall(r"uses: (.*)", text)


def jobs_with(permission: str) -> set[str]:
    name, access = permission.split(": ")
    return {
        f"{workflow.stem}/{job}"
        for workflow in WORKFLOWS
        for job, content in parse(workflow)["jobs"].items()
        if content.get("permissions", {}).get(name) == access
    }


def targets(text: str) -> set[str]:
    return {target for line in re.findall(r"run: make (.*)", text) for target in line.split()}


def test_there_are_workflows() -> None:
    assert [workflow.stem for workflow in WORKFLOWS] == ["audit", "ci", "deploy", "images", "plan", "release"]


@each_workflow
def test_every_action_is_pinned_to_a_commit_and_says_its_version(workflow: Path) -> None:
    pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/[a-z]+\.yml")

    assert [action for action in used(workflow.read_text()) if not pinned.fullmatch(action)] == []


def test_an_action_has_the_same_commit_everywhere() -> None:
    actions = {action for workflow in WORKFLOWS for action in used(workflow.read_text())}

    assert len({action.split("@")[0] for action in actions}) == len(actions)


@each_workflow
def test_a_workflow_may_only_read_unless_a_job_says_more(workflow: Path) -> None:
    assert parse(workflow)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("permission", [permission for permission in GRANTED if permission != "contents: read"])
def test_only_the_jobs_that_need_it_have_more(permission: str) -> None:
    assert jobs_with(permission) == GRANTED[permission]


@each_workflow
def test_no_job_has_another_permission(workflow: Path) -> None:
    granted = {
        f"{name}: {access}"
        for job in parse(workflow)["jobs"].values()
        for name, access in job.get("permissions", {}).items()
    }

    assert granted <= GRANTED.keys()


@each_workflow
def test_no_key_is_stored(workflow: Path) -> None:
    assert "secrets." not in workflow.read_text()
    assert "pull_request_target" not in parse(workflow)["on"]


@each_workflow
def test_no_checkout_leaves_its_token_behind(workflow: Path) -> None:
    text = workflow.read_text()

    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@each_workflow
def test_what_others_can_write_reaches_no_shell_unquoted(workflow: Path) -> None:
    scripts = re.findall(r"run: \|\n((?:\s{10,}.*\n)+)", workflow.read_text())

    assert [script for script in scripts if "${{" in script] == []


def test_only_a_reviewed_environment_is_applied_to() -> None:
    apply = parse(ROOT / ".github/workflows/deploy.yml")["jobs"]["apply"]

    assert apply["environment"] == "${{ inputs.environment }}"
    assert apply["concurrency"]["cancel-in-progress"] is False


def test_a_plan_takes_no_lock_and_none_is_made_for_a_fork() -> None:
    text = (ROOT / ".github/workflows/plan.yml").read_text()

    assert "terraform plan -input=false -lock=false" in text
    assert "github.event.pull_request.head.repo.full_name == github.repository" in text


@each_workflow
def test_every_target_exists(workflow: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert targets(workflow.read_text()) <= known


def test_an_audit_that_could_look_up_nothing_does_not_pass() -> None:
    """Without --strict, pip-audit finds nothing wrong where it finds nothing at all."""
    commands = re.findall(r"pip-audit [^;]+", (ROOT / "Makefile").read_text())

    assert len(commands) == 1
    assert "--strict" in commands[0].split()


def test_every_change_is_audited_and_every_day_without_one_too() -> None:
    audit = parse(ROOT / ".github/workflows/audit.yml")

    assert {"pull_request", "push", "schedule"} <= audit["on"].keys()
    assert [step["run"] for step in audit["jobs"]["audit"]["steps"] if "run" in step] == ["make audit"]


@each_workflow
def test_nothing_that_fails_is_passed_over(workflow: Path) -> None:
    text = workflow.read_text()

    assert "continue-on-error" not in text
    assert "|| true" not in text


def build_steps() -> list[dict[str, Any]]:
    """Return the steps that build, scan and push an image, in their order."""
    return list(parse(ROOT / ".github/workflows/images.yml")["jobs"]["build"]["steps"])


def position(steps: list[dict[str, Any]], part: str) -> int:
    """Return the place of the one step whose action or script has this in it."""
    (found,) = [number for number, step in enumerate(steps) if part in step.get("uses", "") + step.get("run", "")]
    return found


def test_an_image_with_a_high_finding_ends_the_build_before_it_is_pushed() -> None:
    steps = build_steps()

    scan = steps[position(steps, "anchore/scan-action@")]["with"]

    assert (scan["fail-build"], scan["severity-cutoff"]) == (True, "high")
    assert position(steps, "anchore/scan-action@") < position(steps, "docker push")


def test_what_is_scanned_listed_and_pushed_is_the_image_that_was_built() -> None:
    steps = build_steps()

    built = steps[position(steps, "docker/build-push-action@")]["with"]["tags"]

    assert steps[position(steps, "anchore/scan-action@")]["with"]["image"] == built
    assert steps[position(steps, "anchore/sbom-action@")]["with"]["image"] == built
    assert (
        f'docker tag "{built}" '.replace("${{ matrix.name }}", "$NAME") in steps[position(steps, "docker push")]["run"]
    )


def test_every_image_gets_a_list_of_what_is_in_it() -> None:
    steps = build_steps()

    listed = steps[position(steps, "anchore/sbom-action@")]["with"]
    kept = next(step["with"] for step in steps if step.get("with", {}).get("path") == listed["output-file"])

    assert listed["format"] == "spdx-json"
    assert kept["if-no-files-found"] == "error"


def test_an_image_stands_on_a_base_that_is_named_by_its_digest() -> None:
    steps = build_steps()
    base = parse(ROOT / ".github/workflows/images.yml")["jobs"]["base"]["steps"][0]["run"]

    assert "image=$BASE@$digest" in base
    assert "PYTHON_IMAGE=${{ needs.base.outputs.image }}" in steps[position(steps, "build-push")]["with"]["build-args"]


def test_the_roles_trust_what_the_workflows_run_for() -> None:
    trust = (TERRAFORM / "modules/ci_oidc/main.tf").read_text()

    assert ":ref:refs/heads/main" in trust
    assert ":ref:refs/tags/v*" in trust
    assert ":pull_request" in trust
    assert ":environment:${environment}" in trust


def test_actionlint_finds_nothing() -> None:
    actionlint = os.environ.get("ACTIONLINT") or shutil.which("actionlint")
    if not actionlint:
        pytest.skip("actionlint is not on PATH; `make lint-workflows` fetches it")
    done = subprocess.run([actionlint, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
