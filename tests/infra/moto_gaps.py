"""A moto server that also answers what Terraform asks and moto 5.2 does not know.

Each gap names what it replaces or adds, and fails when that name is gone from moto, or has come to it.
"""

import copy
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import moto.applicationautoscaling.responses as scaling
import moto.ecs.responses as ecs
import moto.elasticache.models as cache_models
import moto.elasticache.responses as cache
import moto.iam.access_control as iam
import moto.sqs.models as sqs
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import security_groups
from moto.server import main


class GapMoved(Exception):
    """Raised when moto no longer has what a gap replaces, or has what a gap adds."""


def replace(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of one that moto has; it is called with the old one first."""
    if not hasattr(owner, name):
        raise GapMoved(f"moto has no {owner.__name__}.{name} any more")
    old = getattr(owner, name)

    def put(new: Callable[..., Any]) -> None:
        setattr(owner, name, lambda *args, **named: new(old, *args, **named))

    return put


def add(owner: Any) -> Callable[[Callable[..., Any]], None]:
    """Give a class an action that moto lacks."""

    def put(new: Callable[..., Any]) -> None:
        if hasattr(owner, new.__name__):
            raise GapMoved(f"moto has {owner.__name__}.{new.__name__} by now")
        setattr(owner, new.__name__, new)

    return put


def replace_property(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put a property in the place of one that moto has; its function is called with the old value first."""
    old = vars(owner).get(name)
    if not isinstance(old, property) or old.fget is None:
        raise GapMoved(f"moto has no property {owner.__name__}.{name} any more")
    read = old.fget

    def put(new: Callable[..., Any]) -> None:
        setattr(owner, name, property(lambda self: new(read(self), self)))

    return put


# Application Auto Scaling: targets have tags.

_scaling_tags: dict[str, dict[str, str]] = {}


@replace(scaling.ApplicationAutoScalingResponse, "register_scalable_target")
def _register_scalable_target(old: Callable[..., str], self: Any) -> str:
    answer = old(self)
    _scaling_tags.setdefault(json.loads(answer)["ScalableTargetARN"], {}).update(self._get_param("Tags") or {})
    return answer


@add(scaling.ApplicationAutoScalingResponse)
def list_tags_for_resource(self: Any) -> str:
    return json.dumps({"Tags": _scaling_tags.get(self._get_param("ResourceARN"), {})})


@add(scaling.ApplicationAutoScalingResponse)
def tag_resource(self: Any) -> str:
    _scaling_tags.setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags") or {})
    return "{}"


# ElastiCache: parameter groups, the end of subnet groups and replication groups, and the nodes of the latter.

_parameter_groups: dict[str, dict[str, Any]] = {}


class ParameterGroupNotFound(ServiceException):
    """What ElastiCache answers when there is no such group."""

    code = "CacheParameterGroupNotFound"


def _parameter_group(self: Any) -> dict[str, Any]:
    name = self._get_param("CacheParameterGroupName")
    if name not in _parameter_groups:
        raise ParameterGroupNotFound(f"CacheParameterGroup {name} not found.")
    return _parameter_groups[name]


@add(cache.ElastiCacheResponse)
def create_cache_parameter_group(self: Any) -> ActionResult:
    name = self._get_param("CacheParameterGroupName")
    _parameter_groups[name] = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": self._get_param("CacheParameterGroupFamily"),
        "Description": self._get_param("Description"),
        "IsGlobal": False,
        "ARN": f"arn:aws:elasticache:{self.region}:{self.current_account}:parametergroup:{name}",
        "tags": self._get_param("Tags", []),
        "values": {},
    }
    return ActionResult({"CacheParameterGroup": _parameter_groups[name]})


@add(cache.ElastiCacheResponse)
def describe_cache_parameter_groups(self: Any) -> ActionResult:
    return ActionResult({"CacheParameterGroups": [_parameter_group(self)]})


@add(cache.ElastiCacheResponse)
def describe_cache_parameters(self: Any) -> ActionResult:
    values = _parameter_group(self)["values"]
    parameters = [{"ParameterName": name, "ParameterValue": value, "Source": "user"} for name, value in values.items()]
    return ActionResult({"Parameters": parameters})


@add(cache.ElastiCacheResponse)
def modify_cache_parameter_group(self: Any) -> ActionResult:
    given = self._get_param("ParameterNameValues", [])
    _parameter_group(self)["values"].update({each["ParameterName"]: each["ParameterValue"] for each in given})
    return ActionResult({"CacheParameterGroupName": self._get_param("CacheParameterGroupName")})


@add(cache.ElastiCacheResponse)
def delete_cache_parameter_group(self: Any) -> EmptyResult:
    _parameter_groups.pop(_parameter_group(self)["CacheParameterGroupName"])
    return EmptyResult()


@add(cache.ElastiCacheResponse)
def delete_cache_subnet_group(self: Any) -> EmptyResult:
    self.elasticache_backend.cache_subnet_groups.pop(self._get_param("CacheSubnetGroupName"))
    return EmptyResult()


@replace(cache.ElastiCacheResponse, "list_tags_for_resource")
def _list_tags_for_resource(old: Callable[..., Any], self: Any) -> Any:
    name = self._get_param("ResourceName")
    if ":parametergroup:" not in name:
        return old(self)
    return ActionResult({"TagList": _parameter_groups[name.rpartition(":")[2]]["tags"]})


@replace(cache_models.ReplicationGroup, "__init__")
def _init_replication_group(old: Callable[..., None], self: Any, *args: Any, **named: Any) -> None:
    if named.get("num_cache_clusters") and not named.get("replicas_per_node_group"):
        named["replicas_per_node_group"] = named["num_cache_clusters"] - 1
    old(self, *args, **named)


@replace(cache_models.ElastiCacheBackend, "delete_replication_group")
def _delete_replication_group(old: Callable[..., Any], self: Any, **named: Any) -> Any:
    group = copy.copy(old(self, **named))
    self.replication_groups.pop(named["replication_group_id"])
    return group


@replace(cache_models.ElastiCacheBackend, "describe_cache_clusters")
def _describe_cache_clusters(old: Callable[..., Any], self: Any, **named: Any) -> Any:
    name = named["cache_cluster_id"]
    groups = [group for group in self.replication_groups.values() if name in group.member_clusters]
    return [_describe_node(name, groups[0])] if groups else old(self, **named)


def _describe_node(name: str, group: Any) -> dict[str, Any]:
    return {
        "CacheClusterId": name,
        "CacheClusterStatus": "available",
        "CacheNodeType": group.cache_node_type,
        "CacheParameterGroup": {"CacheParameterGroupName": group.cache_parameter_group_name},
        "CacheSubnetGroupName": group.cache_subnet_group_name,
        "Engine": group.engine,
        "EngineVersion": f"{group.engine_version}.0",
        "NumCacheNodes": 1,
        "ReplicationGroupId": group.replication_group_id,
        "AtRestEncryptionEnabled": group.at_rest_encryption_enabled,
        "AuthTokenEnabled": group.auth_token_enabled,
        "AutoMinorVersionUpgrade": group.auto_minor_version_upgrade,
        "PreferredMaintenanceWindow": group.preferred_maintenance_window,
        "SecurityGroups": [{"SecurityGroupId": each, "Status": "active"} for each in group.security_group_ids or []],
        "SnapshotRetentionLimit": group.snapshot_retention_limit,
        "SnapshotWindow": group.snapshot_window,
        "TransitEncryptionEnabled": group.transit_encryption_enabled,
        "TransitEncryptionMode": group.transit_encryption_mode,
    }


# SQS: a policy outlives other attributes, a dead-letter queue says who may use it, JSON comes back without blanks.


@replace(sqs.Queue, "_set_attributes")
def _set_attributes(old: Callable[..., None], self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
    policy = getattr(self, "policy", None)
    old(self, attributes, now)
    if "Policy" not in attributes:
        self.policy = policy
    if "RedriveAllowPolicy" in attributes:
        self.redrive_allow_policy = attributes["RedriveAllowPolicy"]


@replace_property(sqs.Queue, "attributes")
def _attributes(attributes: dict[str, Any], self: Any) -> dict[str, Any]:
    if isinstance(attributes.get("RedrivePolicy"), str):
        attributes["RedrivePolicy"] = json.dumps(json.loads(attributes["RedrivePolicy"]), separators=(",", ":"))
    if getattr(self, "redrive_allow_policy", None):
        attributes["RedriveAllowPolicy"] = self.redrive_allow_policy
    return attributes


# The names that GetQueueAttributes may be asked for come from three lists; this one is read for FIFO queues only.
sqs.Queue.FIFO_ATTRIBUTES = [*sqs.Queue.FIFO_ATTRIBUTES, "RedriveAllowPolicy"]


# ECS: a service keeps what it was given, and its tasks run at once.

_KEPT = {
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}


@replace(ecs.EC2ContainerServiceResponse, "create_service")
def _create_service(old: Callable[..., Any], self: Any) -> Any:
    answer = old(self)
    _keep(self._get_params(), answer.result["service"])
    return answer


@replace(ecs.EC2ContainerServiceResponse, "update_service")
def _update_service(old: Callable[..., Any], self: Any) -> Any:
    answer = old(self)
    _keep(self._get_params(), answer.result["service"])
    return answer


def _keep(given: dict[str, Any], service: Any) -> None:
    for parameter in _KEPT.keys() & given.keys():
        setattr(service, _KEPT[parameter], given[parameter])
    service.running_count, service.pending_count = service.desired_count, 0
    for deployment in service.deployments:
        deployment.update(rolloutState="COMPLETED", runningCount=service.desired_count, pendingCount=0)


# IAM: what is refused under a condition that moto cannot see, such as plain text, is not refused.


@replace(iam.IAMPolicyStatement, "is_action_permitted")
def _is_action_permitted(old: Callable[..., Any], self: Any, *args: Any, **named: Any) -> Any:
    is_conditional = self._statement["Effect"] == "Deny" and "Condition" in self._statement
    return iam.PermissionResult.NEUTRAL if is_conditional else old(self, *args, **named)


# EC2: the description of a rule about another security group, or a prefix list.


@replace(security_groups.SecurityGroupRule, "__init__")
def _init_rule(old: Callable[..., None], self: Any, *args: Any, **named: Any) -> None:
    old(self, *args, **named)
    given = inspect.signature(old).bind(self, *args, **named).arguments
    self.given_description = (given.get("prefix_list_id") or {}).get("Description")


@replace_property(security_groups.SecurityGroupRule, "description")
def _description(description: str | None, self: Any) -> str | None:
    return description or self.given_description or self.source_group.get("Description")


if __name__ == "__main__":
    main(sys.argv[1:])
