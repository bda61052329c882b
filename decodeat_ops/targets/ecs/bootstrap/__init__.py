"""Make what a deployment stands on: cluster, log group, image repository, secrets and roles, but no service."""

from collections.abc import Mapping

from decodeat_ops.core.names import joined
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Facts
from decodeat_ops.targets.ecs import identity
from decodeat_ops.targets.ecs.bootstrap import cluster, grants, log_group, repository, roles, secrets
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Acts, Place

ACTIONS: Acts = joined(
    cluster.ACTIONS, grants.ACTIONS, log_group.ACTIONS, repository.ACTIONS, roles.ACTIONS, secrets.ACTIONS
)
Secrets = Mapping[str, Secret]


def plan(place: Place, secrets_now: Secrets, observed: EcsObserved, mark: str) -> Plan | None:
    """Return the plan that makes what is missing and leaves alone what is there, None when nothing is missing.

    `mark` identifies the command, and is on all that it makes. Raises `Configuration` when the account is another one,
    `AwsRefused` when a look is denied: what can't be seen can't be told from what is missing.
    """
    facts = identity.facts(place)
    steps = (
        *cluster.steps(place, mark),
        *log_group.steps(place, mark),
        *repository.steps(place, mark),
        *secrets.steps(place, secrets_now, mark),
        *roles.steps(place, mark),
    )
    if not steps:
        return None
    names = place.names
    return Plan("bootstrap", names.deployment, names.place, steps, (*facts, *_stays(place)), "", observed.serves_now)


def _stays(place: Place) -> Facts:
    """Return what a bootstrap never makes, as facts of the plan."""
    ecs = place.loaded.settings.ecs
    named = [*ecs.subnets, *ecs.security_groups, *place.names.target_groups]
    return (
        ("not made", f"the network and the load balancer, which the settings name: {', '.join(named)}"),
        ("comes later", "the service, with the first deploy"),
    )
