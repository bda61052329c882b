"""Look at everything that a deploy needs in AWS before it changes anything, and name all that is wrong at once."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import quotas, rights
from decodeat_ops.targets.ecs.findings import Findings, Verdict
from decodeat_ops.targets.ecs.identity import who
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.revisions import revision
from decodeat_ops.targets.ecs.verifying import (
    alarms,
    balancing,
    image,
    network,
    platform,
    roles,
    secrets,
    service,
    starting,
)

__all__ = ["Findings", "Verdict", "problems", "startable"]


def problems(place: Place, release: EcsRelease, origin: Origin, observed: EcsObserved) -> Verdict:
    """Return all that keeps a release from getting into service, and all that could not be made sure of.

    A verdict without problems holds for a while (`Place.unless_good`). Raises `Configuration` when the account is
    another one, `Lost` when AWS does not answer.
    """
    who(place)
    key = ("verdict", release, origin.how, observed.guard)
    return place.unless_good(key, lambda: _judged(place, release, origin, observed), lambda one: not one.problems)


def _judged(place: Place, release: EcsRelease, origin: Origin, observed: EcsObserved) -> Verdict:
    findings = Findings()
    own = _own(place, origin)
    platform.judge(place, findings, own)
    image.judge(place, release, origin, findings)
    roles.judge(place, findings, own)
    secrets.judge(place, findings)
    starting.judge(place, origin, findings)
    vpc = network.judge(place, findings)
    balancing.judge(place, vpc, findings)
    service.judge(place, observed, findings)
    alarms.judge(place, findings)
    quotas.judge(place, observed, findings)
    rights.judge(place, rights.needs(place, release, origin, observed, own), findings)
    return findings.verdict()


def startable(place: Place, release: EcsRelease, origin: Origin, observed: EcsObserved) -> Verdict:
    """Return all that keeps tasks of a release that ran before from starting, by few reads. Raises as `problems` does.

    Network, load balancer, quota and rights are left to AWS: it refuses the one call, before anything is stopped.
    """
    who(place)
    findings = Findings()
    own = _own(place, origin)
    platform.judge(place, findings, own)
    image.judge(place, release, origin, findings)
    roles.judge(place, findings, own)
    secrets.judge(place, findings)
    service.judge(place, observed, findings)
    return findings.verdict()


def _own(place: Place, origin: Origin) -> Mapping[str, Any]:
    """Return the task definition of a release that ran before, whose roles and log it keeps; empty for a new one."""
    made = origin.of
    if origin.how == "built" or not isinstance(made, EcsRelease) or not made.task_definition:
        return {}
    return revision(place, made.task_definition).definition
