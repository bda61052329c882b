"""Set the desired count of the service, and ask whether Application Auto Scaling decides on it."""

from dataclasses import dataclass

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Usage
from decodeat_ops.targets.ecs.place import Place

DIMENSION = "ecs:service:DesiredCount"


@dataclass(frozen=True)
class Bounds:
    """Hold between which counts of tasks the service is scaled."""

    least: int
    most: int

    def within(self, count: int) -> int:
        """Return the count nearest to the wanted one that is allowed, and at least one: 0 would serve nothing."""
        return max(1, self.least, min(count, self.most))


def resource(place: Place) -> str:
    """Return what Application Auto Scaling calls the service."""
    return f"service/{place.names.cluster}/{place.names.service}"


def set_desired(place: Place, count: int) -> None:
    """Ask for another number of tasks of the same deployment."""
    names = place.names
    place.aws.call("ecs", "UpdateService", cluster=names.cluster, service=names.service, desiredCount=count)


def bounds(place: Place) -> Bounds | None:
    """Return the bounds of the service's count, None when nothing scales it."""
    found = place.aws.pages(
        "application-autoscaling",
        "DescribeScalableTargets",
        "ScalableTargets",
        ServiceNamespace="ecs",
        ResourceIds=[resource(place)],
        ScalableDimension=DIMENSION,
    )
    return next((Bounds(int(one["MinCapacity"]), int(one["MaxCapacity"])) for one in found), None)


def require_stoppable(place: Place) -> None:
    """Raise `Usage` where autoscaling would start the tasks again that a stop ends.

    A caller who may not ask is let through: the step asks again before it changes anything.
    """
    try:
        found = bounds(place)
    except AwsRefused as error:
        if not error.denied:
            raise
        return
    if found is not None:
        raise Usage(
            f"The service {place.names.place} is autoscaled: its tasks would be started again.", hint=paused(place)
        )


def paused(place: Place) -> str:
    """Return how an operator keeps autoscaling from starting tasks, for people."""
    return (
        "Let it first: aws application-autoscaling register-scalable-target --service-namespace ecs "
        f"--scalable-dimension {DIMENSION} --resource-id {resource(place)} --min-capacity 0 --max-capacity 0"
    )
