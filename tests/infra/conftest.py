"""An environment that Terraform makes on a moto server, changes, and destroys. Made once, in this order."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session

from tests.infra.terraform import OVERRIDE, REGION, Terraform, copy_tree
from tests.moto_process import CREDENTIALS, MotoProcess

ACCOUNT = "123456789012"
ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
TAGS = {"owner": "predictions", "cost_center": "0000"}


@dataclass(frozen=True)
class Cloud:
    """A moto server, and clients that look into it."""

    moto: MotoProcess
    session: Session

    def client(self, service: str) -> Any:
        make: Any = self.session.client
        return make(service, endpoint_url=self.moto.url)


def image(name: str, digit: str) -> str:
    """Return a reference to an image that nobody has built."""
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/rowcall/{name}@sha256:{digit * 64}"


@pytest.fixture(scope="session")
def tree(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of infra/terraform."""
    assert shutil.which("terraform"), "terraform is not on PATH: infra/terraform/README.md says what these tests need"
    return copy_tree(root, tmp_path_factory.mktemp("infra") / "terraform")


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    session = Session(
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    with MotoProcess.run("tests.infra.moto_gaps") as moto:
        yield Cloud(moto, session)


@pytest.fixture(scope="session")
def bootstrap(tree: Path, cloud: Cloud) -> Terraform:
    """The bucket of the states, the registry, the roles of CI."""
    (tree / "bootstrap/moto_override.tf").write_text(OVERRIDE)
    variables = {"region": REGION, "repository": "example/rowcall", "protect": False, **TAGS}
    terraform = Terraform(tree, "bootstrap", variables, AWS_ENDPOINT_URL=cloud.moto.url)
    terraform.init("-lockfile=readonly")
    terraform.apply()
    return terraform


@pytest.fixture(scope="session")
def deployed(tree: Path, cloud: Cloud, bootstrap: Terraform) -> Terraform:
    """The environment `staging`: the shape of prod, but it may be destroyed. Its state lies in the bucket."""
    zone = cloud.client("route53").create_hosted_zone(Name="example.com", CallerReference="tests")["HostedZone"]["Id"]
    (tree / "environments/staging/moto_override.tf").write_text(OVERRIDE)
    variables = {
        "region": REGION,
        "availability_zones": ZONES,
        "domain": {"name": "rowcall-staging.example.com", "zone_id": zone.rpartition("/")[2]},
        "images": {"api": image("api", "0"), "worker": image("worker", "0")},
        "webhooks": True,
        "alarm_emails": ["oncall@example.com"],
        **TAGS,
    }
    terraform = Terraform(tree, "environments/staging", variables, AWS_ENDPOINT_URL=cloud.moto.url)
    bucket = bootstrap.outputs()["state_bucket"]
    terraform.init(
        "-lockfile=readonly",
        f"-backend-config=bucket={bucket}",
        f"-backend-config=region={REGION}",
        "-backend-config=use_path_style=true",
        "-backend-config=skip_credentials_validation=true",
        "-backend-config=skip_metadata_api_check=true",
    )
    terraform.apply()
    return terraform
