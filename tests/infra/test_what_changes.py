"""The rest of an environment's life: it is changed, and destroyed. These tests come last, and build on one another."""

import pytest

from tests.infra.conftest import Cloud, image
from tests.infra.iam import allowed_actions, needed_actions
from tests.infra.terraform import Terraform

pytestmark = [pytest.mark.infra, pytest.mark.timeout(1200)]

NAME = "rowcall-staging"


def test_a_new_image_and_size_touch_the_task_definition_and_its_service_alone(deployed: Terraform) -> None:
    main = deployed.folder / "main.tf"
    main.write_text(
        main.read_text().replace("{ cpu = 512, memory = 2048, minimum = 1", "{ cpu = 1024, memory = 4096, minimum = 1")
    )

    changes = deployed.pending_changes(images={"api": image("api", "0"), "worker": image("worker", "1")})

    worker, files = "module.stack.module.interactive_worker", "module.stack.module.bulk_worker"
    webhooks = 'module.stack.module.webhooks["webhooks"]'
    assert changes == {
        f"{worker}.aws_ecs_service.this": ["update"],
        f"{worker}.aws_ecs_task_definition.this": ["delete", "create"],
        f"{files}.aws_ecs_service.this": ["update"],
        f"{files}.aws_ecs_task_definition.this": ["delete", "create"],
        f"{webhooks}.aws_ecs_service.this": ["update"],
        f"{webhooks}.aws_ecs_task_definition.this": ["delete", "create"],
    }


def test_the_change_is_made_in_place(deployed: Terraform, cloud: Cloud) -> None:
    deployed.apply()

    [service] = cloud.client("ecs").describe_services(cluster=NAME, services=["bulk-worker"])["services"]
    definition = cloud.client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])[
        "taskDefinition"
    ]
    assert definition["containerDefinitions"][0]["image"] == image("worker", "1")
    assert (definition["cpu"], definition["memory"]) == ("1024", "4096")


def test_after_the_change_a_plan_finds_nothing_to_do(deployed: Terraform) -> None:
    assert deployed.pending_changes() == {}


def test_the_role_that_plans_may_do_all_that_a_plan_calls(deployed: Terraform, cloud: Cloud) -> None:
    called = needed_actions(deployed.called_operations("plan"))

    assert "ecs:DescribeServices" in called
    assert called - allowed_actions(cloud.client("iam"), "rowcall-ci-plan") == set()


def test_nothing_is_left_when_it_is_destroyed(deployed: Terraform, cloud: Cloud) -> None:
    deployed.destroy()

    assert deployed.resources() == []
    assert cloud.client("sqs").list_queues().get("QueueUrls", []) == []
    assert [each["status"] for each in cloud.client("ecs").describe_clusters(clusters=[NAME])["clusters"]] == [
        "INACTIVE"
    ]
    assert cloud.client("elasticache").describe_replication_groups()["ReplicationGroups"] == []
    assert cloud.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]] == ["rowcall-state-123456789012"]


def test_the_role_that_applies_may_do_all_that_was_called(deployed: Terraform, cloud: Cloud) -> None:
    called = needed_actions(deployed.called_operations("apply", "destroy", "plan"))

    assert {"ecs:CreateService", "ecs:DeleteService", "ecs:UpdateService"} <= called
    assert called - allowed_actions(cloud.client("iam"), "rowcall-ci-apply-staging") == set()
