"""Answer Application Auto Scaling: which services' counts belong to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.paging import UPPER, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

COUNT = "ecs:service:DesiredCount"


@dataclass
class Scaling:
    """Hold the lowest and the highest count of each scaled service, such as "service/cluster/name"."""

    account: Account
    targets: dict[str, tuple[int, int]] = field(default_factory=dict)


def _target(aws: "Aws", resource: str) -> Answer:
    least, most = aws.scaling.targets[resource]
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": resource,
        "ScalableDimension": COUNT,
        "MinCapacity": least,
        "MaxCapacity": most,
        "RoleARN": aws.account.arn("iam", "role/aws-service-role/AWSServiceRoleForApplicationAutoScaling_ECSService"),
        "CreationTime": aws.account.now(),
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    }


def _asked(aws: "Aws", params: Params, resources: list[str] | None) -> list[str]:
    if params["ServiceNamespace"] != "ecs" or params.get("ScalableDimension", COUNT) != COUNT:
        raise Refused("ValidationException", "Unsupported service namespace, resource type or scalable dimension")
    return [one for one in aws.scaling.targets if not resources or one in resources]


def describe_scalable_targets(aws: "Aws", params: Params) -> Answer:
    held = [_target(aws, one) for one in _asked(aws, params, params.get("ResourceIds"))]
    shown, more = page(held, params, UPPER, aws.switches, "InvalidNextTokenException")
    return {"ScalableTargets": shown, **more}


def describe_scaling_policies(aws: "Aws", params: Params) -> Answer:
    resource = params.get("ResourceId")
    held = [
        {
            "PolicyARN": aws.account.arn(
                "autoscaling", f"scalingPolicy:{aws.account.unique()}:resource/ecs/{one}:policyName/cpu"
            ),
            "PolicyName": "cpu",
            "ServiceNamespace": "ecs",
            "ResourceId": one,
            "ScalableDimension": COUNT,
            "PolicyType": "TargetTrackingScaling",
            "CreationTime": aws.account.now(),
        }
        for one in _asked(aws, params, [resource] if resource else None)
    ]
    shown, more = page(held, params, UPPER, aws.switches, "InvalidNextTokenException")
    return {"ScalingPolicies": shown, **more}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "DescribeScalableTargets": describe_scalable_targets,
    "DescribeScalingPolicies": describe_scaling_policies,
}
