"""Which IAM action an operation of AWS needs, and which actions a role has."""

from collections.abc import Iterable
from typing import Any

_PREFIXES = {
    "ACM": "acm",
    "Application Auto Scaling": "application-autoscaling",
    "CloudWatch": "cloudwatch",
    "CloudWatch Logs": "logs",
    "EC2": "ec2",
    "ECS": "ecs",
    "ElastiCache": "elasticache",
    "Elastic Load Balancing v2": "elasticloadbalancing",
    "EventBridge": "events",
    "IAM": "iam",
    "KMS": "kms",
    "Route 53": "route53",
    "S3": "s3",
    "Secrets Manager": "secretsmanager",
    "SNS": "sns",
    "SQS": "sqs",
    "STS": "sts",
    "WAFV2": "wafv2",
}

#: Operations whose action has another name: all of S3, in AWS's service authorization reference.
_RENAMED = {
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}

#: Asked by the provider to find out who it is; refused, it goes on.
_NOT_NEEDED = {"iam:GetUser"}


def needed_actions(operations: Iterable[tuple[str, str]]) -> set[str]:
    """Return the actions that these operations need."""
    named = (f"{_PREFIXES[service]}:{operation}" for service, operation in operations)
    return {_RENAMED.get(action, action) for action in named} - _NOT_NEEDED


def allowed_actions(iam: Any, role: str) -> set[str]:
    """Return every action that a role's policies allow, its own and those attached to it."""
    return {action for statement in statements_of(iam, role) for action in actions_of(statement)}


def allowed_on_everything(iam: Any, role: str) -> set[str]:
    """Return the actions that a role's policies allow on every resource."""
    return {
        action
        for statement in statements_of(iam, role)
        for action in actions_of(statement)
        if statement["Resource"] in ("*", ["*"])
    }


def statements_of(iam: Any, role: str) -> list[dict[str, Any]]:
    """Return the statements of a role's policies, its own and those attached to it."""
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
        documents.append(found["PolicyVersion"]["Document"])
    return [statement for document in documents for statement in document["Statement"]]


def actions_of(statement: dict[str, Any]) -> list[str]:
    """Return the actions of a statement, which may be one or a list."""
    given = statement["Action"]
    return [given] if isinstance(given, str) else list(given)
