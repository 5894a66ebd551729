"""What an environment consists of, made on a moto server and read back by AWS's client and our own code."""

import json
from pathlib import Path

import pytest

from shared.queues import Lane
from shared.s3_files import S3FileStore
from tests.infra.conftest import ZONES, Cloud
from tests.infra.iam import allowed_actions, allowed_on_everything
from tests.infra.terraform import Terraform

pytestmark = [pytest.mark.infra, pytest.mark.timeout(1200)]

NAME = "rowcall-staging"
SERVICES = ("api", "interactive-worker", "bulk-worker", "webhooks")

FILES = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}
WORK = {
    "ecs:GetTaskProtection",
    "ecs:UpdateTaskProtection",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
}
#: What each service may ask AWS for.
NEEDED = {
    "api": FILES | {"sqs:GetQueueAttributes", "sqs:SendMessage"},
    "interactive-worker": FILES | WORK,
    "bulk-worker": FILES | WORK,
    "webhooks": set[str](),
}
#: Services whose things have ids and no names, or whose actions know no resource (STS, the login of ECR, a random
#: password).
WITHOUT_NAMES = {
    "acm",
    "application-autoscaling",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "elasticache",
    "elasticloadbalancing",
    "events",
    "kms",
    "logs",
    "route53",
    "secretsmanager",
    "sts",
    "wafv2",
}


def test_everything_is_made(deployed: Terraform) -> None:
    assert len(deployed.resources()) > 150


def test_the_state_lies_in_the_bucket_that_bootstrap_made(
    deployed: Terraform, bootstrap: Terraform, cloud: Cloud
) -> None:
    bucket = bootstrap.outputs()["state_bucket"]

    keys = [found["Key"] for found in cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]

    assert keys == ["staging.tfstate"]


def test_the_state_was_locked_while_it_was_written(deployed: Terraform, bootstrap: Terraform, cloud: Cloud) -> None:
    bucket = bootstrap.outputs()["state_bucket"]

    versions = cloud.client("s3").list_object_versions(Bucket=bucket, Prefix="staging.tfstate.tflock")

    assert versions["DeleteMarkers"]


def test_a_second_plan_finds_nothing_to_do(deployed: Terraform) -> None:
    assert deployed.pending_changes() == {}


@pytest.mark.parametrize("tier", ["public", "private", "data"])
def test_every_tier_is_in_three_zones(deployed: Terraform, cloud: Cloud, tier: str) -> None:
    subnets = cloud.client("ec2").describe_subnets(Filters=[{"Name": "tag:Tier", "Values": [tier]}])["Subnets"]

    assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == ZONES


def test_tasks_have_no_way_to_the_internet(deployed: Terraform, cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    tables = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [f"{NAME}-private-*", f"{NAME}-data"]}])

    routes = [route.get("DestinationCidrBlock") for table in tables["RouteTables"] for route in table["Routes"]]

    assert len(tables["RouteTables"]) == 4
    assert "0.0.0.0/0" not in routes


def routes_of(cloud: Cloud, subnets: list[str]) -> list[tuple[str, str]]:
    """Return where the route tables of these subnets lead to the internet, and by what."""
    filters = [{"Name": "association.subnet-id", "Values": subnets}]
    tables = cloud.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]
    routes = [route for table in tables for route in table["Routes"]]
    return [(route["DestinationCidrBlock"], route["NatGatewayId"]) for route in routes if "NatGatewayId" in route]


def test_what_delivers_webhooks_has_a_way_out_in_each_zone(deployed: Terraform, cloud: Cloud) -> None:
    [service] = cloud.client("ecs").describe_services(cluster=NAME, services=["webhooks"])["services"]
    placed = service["networkConfiguration"]["awsvpcConfiguration"]

    subnets = cloud.client("ec2").describe_subnets(SubnetIds=placed["subnets"])["Subnets"]
    routes = routes_of(cloud, placed["subnets"])

    assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == ZONES
    assert [destination for destination, _ in routes] == ["0.0.0.0/0"] * 3
    assert len({gateway for _, gateway in routes}) == 3


def test_what_delivers_webhooks_reaches_the_ports_that_a_webhook_may_name(deployed: Terraform, cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    [group] = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [f"{NAME}-webhooks"]}])[
        "SecurityGroups"
    ]

    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}])

    rules = [
        (each["IsEgress"], each.get("CidrIpv4"), each["FromPort"], each["ToPort"])
        for each in found["SecurityGroupRules"]
    ]
    assert [rule for rule in rules if not rule[0]] == []
    assert sorted(rule[2:] for rule in rules if rule[1]) == [(443, 443), (1024, 65535)]


def test_tasks_reach_aws_by_endpoints(deployed: Terraform, cloud: Cloud) -> None:
    endpoints = cloud.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]

    names = {endpoint["ServiceName"].removeprefix("com.amazonaws.eu-west-1.") for endpoint in endpoints}

    assert names == {"s3", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "sqs"}


def test_clients_come_in_by_tls_only(deployed: Terraform, cloud: Cloud) -> None:
    elb = cloud.client("elbv2")
    arn = elb.describe_load_balancers(Names=[NAME])["LoadBalancers"][0]["LoadBalancerArn"]

    listeners = {each["Port"]: each for each in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]}

    assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert listeners[80]["DefaultActions"][0]["Type"] == "redirect"


def test_a_firewall_stands_before_the_load_balancer(deployed: Terraform, cloud: Cloud) -> None:
    arn = cloud.client("elbv2").describe_load_balancers(Names=[NAME])["LoadBalancers"][0]["LoadBalancerArn"]

    acl = cloud.client("wafv2").get_web_acl_for_resource(ResourceArn=arn)["WebACL"]

    rules = sorted((rule["Priority"], rule["Name"]) for rule in acl["Rules"])
    assert [name for _, name in rules] == ["rate", "reputation", "known-bad-inputs", "common"]


def test_the_store_fails_over_and_speaks_tls(deployed: Terraform, cloud: Cloud) -> None:
    [group] = cloud.client("elasticache").describe_replication_groups()["ReplicationGroups"]

    assert group["AutomaticFailover"] == "enabled"
    assert group["MultiAZ"] == "enabled"
    assert group["TransitEncryptionEnabled"] is True
    assert group["AtRestEncryptionEnabled"] is True
    assert group["AuthTokenEnabled"] is True
    assert len(group["MemberClusters"]) == 3


def test_the_store_evicts_nothing(deployed: Terraform, cloud: Cloud) -> None:
    parameters = cloud.client("elasticache").describe_cache_parameters(CacheParameterGroupName=f"{NAME}-store")

    values = {each["ParameterName"]: each["ParameterValue"] for each in parameters["Parameters"]}

    assert values["maxmemory-policy"] == "noeviction"


@pytest.mark.parametrize("lane", [lane.value for lane in Lane])
def test_every_queue_sets_aside_what_comes_back_too_often(deployed: Terraform, cloud: Cloud, lane: str) -> None:
    sqs = cloud.client("sqs")
    urls = {name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in (f"{NAME}-{lane}", f"{NAME}-{lane}-dead")}

    live, dead = (sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls.values())

    assert json.loads(live["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 5}
    assert live["KmsMasterKeyId"].startswith("arn:aws:kms:")


def test_no_bucket_can_become_public(deployed: Terraform, cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    blocks = [s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] for name in names]

    assert len(names) == 3
    assert {value for block in blocks for value in block.values()} == {True}


def test_files_are_encrypted_and_forgotten(deployed: Terraform, cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    bucket = f"{NAME}-files-123456789012"

    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]

    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["Expiration"]["Days"] == 30
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1


def test_a_tag_of_an_image_is_written_once(bootstrap: Terraform, cloud: Cloud) -> None:
    repositories = cloud.client("ecr").describe_repositories()["repositories"]

    assert {each["repositoryName"] for each in repositories} == {"rowcall/api", "rowcall/worker"}
    assert {each["imageTagMutability"] for each in repositories} == {"IMMUTABLE"}


def test_every_service_is_scaled_between_its_bounds(deployed: Terraform, cloud: Cloud) -> None:
    found = cloud.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")

    bounds = {each["ResourceId"]: (each["MinCapacity"], each["MaxCapacity"]) for each in found["ScalableTargets"]}

    assert bounds == {
        f"service/{NAME}/api": (3, 6),
        f"service/{NAME}/interactive-worker": (3, 12),
        f"service/{NAME}/bulk-worker": (1, 4),
        f"service/{NAME}/webhooks": (2, 6),
    }


def test_every_service_is_scaled_by_what_it_is_short_of(deployed: Terraform, cloud: Cloud) -> None:
    found = cloud.client("application-autoscaling").describe_scaling_policies(ServiceNamespace="ecs")

    policies = {(each["ResourceId"].rpartition("/")[2], each["PolicyName"]) for each in found["ScalingPolicies"]}

    assert policies == {
        ("api", "cpu"),
        ("api", "requests"),
        ("interactive-worker", "cpu"),
        ("interactive-worker", "backlog"),
        ("interactive-worker", "burst"),
        ("bulk-worker", "backlog"),
        ("webhooks", "cpu"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_failed_deployment_is_taken_back(deployed: Terraform, cloud: Cloud, name: str) -> None:
    [service] = cloud.client("ecs").describe_services(cluster=NAME, services=[name])["services"]

    assert service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert service["deploymentConfiguration"]["alarms"]["rollback"] is True


def test_no_role_has_an_action_with_a_wildcard(deployed: Terraform, cloud: Cloud) -> None:
    iam = cloud.client("iam")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]

    actions = {action for role in roles for action in allowed_actions(iam, role)}

    assert len(roles) == len(SERVICES) * 2 + 1 + 5
    assert len(actions) > 200
    assert [action for action in actions if "*" in action] == []


@pytest.mark.parametrize(("service", "needed"), NEEDED.items(), ids=NEEDED)
def test_a_service_may_do_what_it_needs_and_no_more(
    deployed: Terraform, cloud: Cloud, service: str, needed: set[str]
) -> None:
    assert allowed_actions(cloud.client("iam"), f"{NAME}-{service}-task") == needed


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_nothing_with_every_resource_but_log_in_for_its_image(
    deployed: Terraform, cloud: Cloud, service: str
) -> None:
    iam = cloud.client("iam")

    assert allowed_on_everything(iam, f"{NAME}-{service}-task") == set()
    # An action that knows no resource.
    assert allowed_on_everything(iam, f"{NAME}-{service}-execution") == {"ecr:GetAuthorizationToken"}


def test_on_every_resource_a_role_of_ci_may_do_only_what_can_be_said_no_closer(
    deployed: Terraform, cloud: Cloud
) -> None:
    iam = cloud.client("iam")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]

    found = {role: allowed_on_everything(iam, role) for role in roles if role.startswith("rowcall-ci-")}

    assert len(found) == 5
    assert found["rowcall-ci-push"] == {"ecr:GetAuthorizationToken"}
    assert {action.partition(":")[0] for actions in found.values() for action in actions} == WITHOUT_NAMES


def test_the_tries_to_deliver_webhooks_are_counted(deployed: Terraform, cloud: Cloud) -> None:
    found = cloud.client("logs").describe_metric_filters(logGroupName=f"/{NAME}/webhooks")["metricFilters"]
    [alarm] = cloud.client("cloudwatch").describe_alarms(AlarmNames=[f"{NAME}-webhooks-undelivered"])["MetricAlarms"]

    counted = {(each["metricNamespace"], each["metricName"]) for one in found for each in one["metricTransformations"]}
    asked = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert counted == {(each["Namespace"], each["MetricName"]) for each in asked}
    assert len(counted) == 2


def test_every_alarm_has_a_runbook_and_somebody_to_tell(deployed: Terraform, cloud: Cloud, root: Path) -> None:
    alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=NAME, MaxRecords=100)["MetricAlarms"]

    runbooks = [alarm["AlarmDescription"].partition("Runbook: ")[2] for alarm in alarms]

    assert len(alarms) >= 20
    assert [alarm["AlarmName"] for alarm in alarms if not alarm["AlarmActions"]] == []
    assert [runbook for runbook in runbooks if not (root / runbook).is_file()] == []


def test_a_failed_deployment_tells_somebody(deployed: Terraform, cloud: Cloud) -> None:
    events = cloud.client("events")

    rule = events.describe_rule(Name=f"{NAME}-failed-deployment")
    [target] = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]

    assert json.loads(rule["EventPattern"])["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    assert rule["Description"].endswith("Runbook: docs/runbooks/failed-deployment.md")
    assert target["Arn"].endswith(f":{NAME}-alarms")


def test_the_application_writes_and_reads_its_files_there(
    deployed: Terraform, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, prefix = deployed.outputs()["settings"]["ROWCALL_FILES_URL"].removeprefix("s3://").split("/")
    files = S3FileStore(bucket, prefix, endpoint_url=cloud.moto.url, region="eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-key")

    with files.open_writer("uploads/one") as writer:
        writer.write(b"height\n1\n")

    assert b"".join(files.read("uploads/one")) == b"height\n1\n"
    assert cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == "files/uploads/one"
