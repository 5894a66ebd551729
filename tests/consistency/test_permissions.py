"""What the roles on AWS may do, as the Terraform files have it, and that what they are told in the open is no secret.

`make test-infra` asks a mock AWS for the same once the roles are made.
"""

import re
from pathlib import Path

import pytest

from shared.settings import ENVIRONMENT_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "infra/terraform"
DOCUMENT = re.compile(r'^data "aws_iam_policy_document" "(\w+)" \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)
#: Where a statement begins, or the content of a dynamic one.
BEGIN = re.compile(r"^\s+(?:statement|content) \{\n", re.MULTILINE)
NAME = re.compile(r'^\s+sid\s+= "(\w+)"$', re.MULTILINE)
ACTIONS = re.compile(r"^\s+actions\s+= (\[.*?\])$", re.DOTALL | re.MULTILINE)
RESOURCES = re.compile(r"^\s+resources\s+= (\S.*?)(?: #.*)?$", re.MULTILINE)

FILES = "${module.storage.bucket_arn}/files/*"
TASKS = (
    "arn:${data.aws_partition.current.partition}:ecs:${var.region}:"
    "${data.aws_caller_identity.current.account_id}:task/${local.name}/*"
)
#: Each statement of what the application may do: its actions, and on what.
GRANTED = {
    "files": {
        "Files": (
            {
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            },
            f'["{FILES}"]',
        ),
        "ListFiles": ({"s3:ListBucket"}, "[module.storage.bucket_arn]"),
        "EncryptFilesAndMessages": ({"kms:Decrypt", "kms:GenerateDataKey"}, "[module.kms.key_arn]"),
        "ReadInputs": (
            {"s3:GetObject"},
            '[for bucket in statement.value : "arn:${data.aws_partition.current.partition}:s3:::${bucket}/*"]',
        ),
    },
    "api": {"SendMessages": ({"sqs:GetQueueAttributes", "sqs:SendMessage"}, "statement.value")},
    "worker": {
        "WorkOnMessages": (
            {
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            },
            "statement.value",
        ),
        "ProtectItself": (
            {"ecs:GetTaskProtection", "ecs:UpdateTaskProtection"},
            f'["{TASKS}"]',
        ),
    },
}
#: Every statement that names all resources, and why nothing narrower can be named.
ON_EVERYTHING = {
    "modules/service/roles.tf: LogIn": "ecr:GetAuthorizationToken knows no resource",
    "modules/ci_oidc/main.tf: LogIn": "ecr:GetAuthorizationToken knows no resource",
    "modules/ci_oidc/terraform_roles.tf: LookUp": "who asks, and a random text, are no resources",
    "modules/ci_oidc/terraform_roles.tf: read": "Terraform's roles: services whose things have ids, and no names",
    "modules/ci_oidc/terraform_roles.tf: write": "Terraform's roles: services whose things have ids, and no names",
    "modules/kms/main.tf: AccountDecidesByIam": "in the policy of a key, all resources are the key",
    "modules/kms/main.tf: CloudWatchLogs": "in the policy of a key, all resources are the key",
    "modules/kms/main.tf: AlarmsAndEvents": "in the policy of a key, all resources are the key",
}
#: Settings that hold secrets, among other things.
SECRETS = {
    f"{ENVIRONMENT_PREFIX}{name.upper()}"
    for name, field in Settings.model_fields.items()
    if "SecretStr" in str(field.annotation)
}


def read_statements(file: Path) -> dict[str, dict[str, tuple[set[str], str]]]:
    """Return actions and resources of each statement, by its document and its name; a computed name is the document's.

    Statements that name no resources belong to a policy of the very thing that they are about.
    """
    return {
        document: {
            find(NAME, text) or document: (set(re.findall(r'"([^"]+)"', find(ACTIONS, text))), find(RESOURCES, text))
            for text in BEGIN.split(body)[1:]
            if "resources" in text
        }
        for document, body in DOCUMENT.findall(file.read_text())
    }


def find(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def test_the_application_may_do_what_it_needs_and_no_more() -> None:
    assert read_statements(TERRAFORM / "stack/permissions.tf") == GRANTED


def test_only_a_statement_that_can_name_nothing_narrower_names_all_resources() -> None:
    named = {
        f"{file.relative_to(TERRAFORM)}: {sid}"
        for file in TERRAFORM.rglob("*.tf")
        for statements in read_statements(file).values()
        for sid, (_, resources) in statements.items()
        if '"*"' in resources
    }

    assert named == ON_EVERYTHING.keys()


def test_no_action_of_the_application_is_a_pattern() -> None:
    files = [TERRAFORM / "stack/permissions.tf", TERRAFORM / "modules/service/roles.tf"]

    granted = [statement for file in files for each in read_statements(file).values() for statement in each.values()]

    assert len(granted) == 12
    assert [actions for actions, resources in granted if not actions or not resources or "*" in "".join(actions)] == []


@pytest.mark.parametrize(("who", "document"), [("API", "api"), ("worker", "worker")])
def test_the_how_to_allows_the_same_on_the_queues(who: str, document: str) -> None:
    page = (ROOT / "docs/how-to/run-on-sqs.md").read_text()

    (allowed,) = re.findall(rf"^\| {who} \| (`sqs:.*) \|$", page, re.MULTILINE)

    actions = set().union(*(actions for actions, _ in GRANTED[document].values()))
    assert set(re.findall(r"sqs:\w+", allowed)) == {action for action in actions if action.startswith("sqs:")}


def test_no_setting_that_holds_a_secret_is_given_in_the_open() -> None:
    """What is given is the name of a secret. Only `sqs://`, which is no secret, shares its variable with some."""
    given = re.findall(
        rf'\b({ENVIRONMENT_PREFIX}\w+)"?\s+=>? ([^,}}\n]+)', (TERRAFORM / "stack/settings.tf").read_text()
    )

    named = {(name, value.strip()) for name, value in given if name in SECRETS}
    assert {"ROWCALL_REDIS_URL", "ROWCALL_OPERATOR_TOKEN", "ROWCALL_WEBHOOK_SECRETS"} <= {name for name, _ in named}
    assert {
        (name, value)
        for name, value in named
        if not re.fullmatch(r'module\.secrets\.arns\["[a-z-]+"\]|(?:module\.store|broker)\.url_secret_arn', value)
    } == {("ROWCALL_BROKER_URL", '"sqs://"')}
