"""Answer for ECS what a removal deletes and what stays."""

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Facts, Removal
from decodeat_ops.targets.ecs import steps
from decodeat_ops.targets.ecs.actions import leftovers
from decodeat_ops.targets.ecs.arns import role_name
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.ours import ACTIVE, label
from decodeat_ops.targets.ecs.place import Place


def removal(place: Place, observed: EcsObserved, keep: frozenset[str]) -> Removal:
    """Return the removal of a deployment from ECS, without steps when nothing of it is there.

    Raises `Usage` when the service has no tag of this deployment: then it is somebody else's.
    """
    names, service, ecs = place.names, observed.service, place.loaded.settings.ecs
    deletes_data = "data" not in keep
    if service is None and not observed.releases:
        if not deletes_data or not leftovers.ours(place):
            return Removal()
        return Removal((_delete_data(place),), _facts(place, observed, deletes_data=True))
    if service is not None and not service.created_by_us:
        raise Usage(
            f"The service {names.place} was not made by decodeat-ops for {names.deployment}: it lacks the tag of it.",
            hint="Delete it by the tool that made it; `decodeat-ops stop` only stops its tasks.",
        )
    made: list[Step] = []
    if service is not None and service.status == ACTIVE:
        made.append(steps.halt(observed, service, names, removing=True))
    if service is not None:
        made.append(
            Step(
                id="delete-service",
                title="Delete the service",
                do=Action("delete-service", {"limit": 60 * ecs.deploy_minutes}),
                preview=(f"DeleteService {names.service} in {names.cluster}; waits until its tasks have ended",),
                after_commit=True,
            )
        )
    known = ", ".join(label(one.task_definition) for one in observed.releases) or "none"
    made.append(
        Step(
            id="deregister",
            title="Deregister its task definitions",
            do=Action("deregister-all", {"stays": "" if deletes_data else stays(place)}),
            produces=("stays",),
            preview=(f"DeregisterTaskDefinition {known}, and older ones of {names.family} that are this deployment's",),
            after_commit=True,
        )
    )
    if deletes_data:
        made.append(_delete_data(place))
    return Removal(tuple(made), _facts(place, observed, deletes_data=deletes_data))


def _delete_data(place: Place) -> Step:
    return Step(
        id="delete-data",
        title="Delete logs, images, secrets and roles",
        do=Action("delete-data"),
        produces=("stays",),
        preview=(*_data(place), "each only if its tag says that it was made for this deployment"),
        after_commit=True,
    )


def _data(place: Place) -> tuple[str, ...]:
    names = place.names
    return (
        f"log group {names.log_group}",
        *((f"image repository {names.repository}",) if names.of_ours else ()),
        f"secret {names.secret}",
        *((f"secret {names.pull_secret}",) if names.pull_secret and not names.pull_secret.startswith("arn:") else ()),
        *(f"role {role_name(arn)}" for arn in names.role_arns),
    )


def stays(place: Place) -> str:
    """Return what a removal without the data leaves, for people."""
    return ", ".join((*_data(place), f"cluster {place.names.cluster}", "the database"))


def _facts(place: Place, observed: EcsObserved, *, deletes_data: bool) -> Facts:
    names = place.names
    releases = (f"{len(observed.releases)} releases",) if observed.releases else ()
    goes = (*releases, *((f"the service {names.service}",) if observed.service else ()))
    left = f"cluster {names.cluster}, the database, what others made" if deletes_data else stays(place)
    return (
        *((("deletes", ", ".join(goes)),) if goes else ()),
        *((("deletes too", ", ".join(_data(place))),) if deletes_data else ()),
        ("stays", left),
    )
