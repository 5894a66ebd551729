"""Terraform for tests: a copy of infra/terraform that talks to a moto server; nothing reaches the repository."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.moto_process import CREDENTIALS

REGION = "eu-west-1"
#: What moto cannot do like AWS; without `max_retries`, an action that it lacks would be tried for nine minutes.
OVERRIDE = """
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  max_retries                 = 2
}
"""
#: What the provider logs of each call: `rpc.method=CreateQueue … rpc.service=SQS`.
_METHOD = re.compile(r'rpc\.method="?(\w+)')
_SERVICE = re.compile(r'rpc\.service=(?:"([^"]+)"|(\S+))')


class Terraform:
    """One folder below infra/terraform, initialized. A command that fails raises with what it printed."""

    def __init__(self, tree: Path, folder: str, variables: Mapping[str, Any], **environment: str) -> None:
        self.folder = tree / folder
        self._environment = terraform_environment(tree) | environment
        self._logs = tree / "calls" / folder
        self._logs.mkdir(parents=True, exist_ok=True)
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(variables))

    def init(self, *options: str) -> None:
        plugins = os.environ.get("TF_PLUGIN_DIR")
        given = [f"-plugin-dir={plugins}"] if plugins else []
        self.run("init", "-input=false", *given, *options)

    def apply(self, **variables: Any) -> str:
        """Return what it printed."""
        self._write_variables(variables)
        return self._run_logged("apply", "-auto-approve", "-input=false", "-parallelism=30")

    def destroy(self) -> str:
        return self._run_logged("destroy", "-auto-approve", "-input=false", "-parallelism=30")

    def pending_changes(self, **variables: Any) -> dict[str, list[str]]:
        """Return the resources that an apply would touch, and how."""
        self._write_variables(variables)
        self._run_logged("plan", "-input=false", "-out=planned")
        changes = json.loads(self.run("show", "-json", "planned"))["resource_changes"]
        actions = {change["address"]: change["change"]["actions"] for change in changes}
        return {address: action for address, action in actions.items() if action not in (["no-op"], ["read"])}

    def outputs(self) -> dict[str, Any]:
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def resources(self) -> list[str]:
        """Return the addresses of what Terraform has made."""
        return self.run("state", "list").split()

    def called_operations(self, *commands: str) -> set[tuple[str, str]]:
        """Return the services and operations that these commands have called so far."""
        lines = [line for name in commands for line in (self._logs / name).read_text(errors="replace").splitlines()]
        found = ((_SERVICE.search(line), _METHOD.search(line)) for line in lines)
        return {(service[1] or service[2], method[1]) for service, method in found if service and method}

    def run(self, *arguments: str, **environment: str) -> str:
        command = ["terraform", *arguments, *([] if arguments[0] == "show" else ["-no-color"])]
        run = subprocess.run(
            command, cwd=self.folder, env=self._environment | environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout[-3000:]}\n{run.stderr}"
        return run.stdout

    def _run_logged(self, command: str, *options: str) -> str:
        """Run a command, and add what the provider calls to the command's log."""
        return self.run(command, *options, TF_LOG_PROVIDER="DEBUG", TF_LOG_PATH=str(self._logs / command))

    def _write_variables(self, variables: Mapping[str, Any]) -> None:
        file = self.folder / "terraform.tfvars.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | variables))


def copy_tree(root: Path, to: Path) -> Path:
    """Copy infra/terraform, without what Terraform left in it."""
    return Path(
        shutil.copytree(root / "infra/terraform", to, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    )


def terraform_environment(folder: Path) -> dict[str, str]:
    """Return the environment of every terraform command: no credentials of ours, providers fetched once."""
    cache = folder / "plugin-cache"
    cache.mkdir(exist_ok=True)
    given = (
        os.environ | CREDENTIALS | {"AWS_REGION": REGION, "TF_PLUGIN_CACHE_DIR": str(cache), "CHECKPOINT_DISABLE": "1"}
    )
    configuration = given.get("TF_CLI_CONFIG_FILE")
    if configuration and not Path(configuration).exists():
        # Terraform would warn of it in front of everything that it prints.
        del given["TF_CLI_CONFIG_FILE"]
    return given
