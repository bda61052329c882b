"""Read what the load balancer says of the service's targets."""

from dataclasses import dataclass

from decodeat_ops.targets.ecs.observed import ServiceState
from decodeat_ops.targets.ecs.place import Place

HEALTHY, STARTING, LEAVING = "healthy", "initial", frozenset({"draining", "unhealthy.draining"})


@dataclass(frozen=True)
class TargetHealth:
    """Hold one target of a target group: a task's address, its state in ELB's own word, and why it is in it."""

    group: str
    address: str
    state: str
    reason: str

    def __str__(self) -> str:
        return f"{self.address} {self.state}" + (f" ({self.reason})" if self.reason else "")


def groups(place: Place, service: ServiceState | None) -> tuple[str, ...]:
    """Return the ARNs of the target groups that the service has, or is to have; both of a shift."""
    listed = [
        arn
        for one in (service.load_balancers if service else ())
        for arn in (one.get("targetGroupArn"), one.get("advancedConfiguration", {}).get("alternateTargetGroupArn"))
        if arn
    ]
    return tuple(dict.fromkeys(listed)) or place.names.target_groups


def target_health(place: Place, service: ServiceState | None) -> tuple[TargetHealth, ...]:
    """Return every target but those that leave: tasks that stop finish their requests first."""
    found = []
    for arn in groups(place, service):
        told = place.aws.call("elbv2", "DescribeTargetHealth", TargetGroupArn=arn)
        for one in told["TargetHealthDescriptions"]:
            health, target = one["TargetHealth"], one["Target"]
            reason = health.get("Description") or health.get("Reason", "")
            found.append(TargetHealth(arn, f"{target['Id']}:{target.get('Port', '')}", health["State"], reason))
    return tuple(one for one in found if one.state not in LEAVING)
