"""Tell what a change goes on from that takes the place of a deployment, and what its undo brings back."""

from typing import Any

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Results
from decodeat_ops.targets.ecs.observed import Deployment, ServiceState
from decodeat_ops.targets.ecs.observing import judged
from decodeat_ops.targets.ecs.ours import label, require_unmoved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.shift import Shift
from decodeat_ops.targets.ecs.steps import before_of

_OWN = ("networkConfiguration", "platformVersion")  # of a service's shape, what ECS tells of each deployment


def left(place: Place, service: ServiceState | None, params: Params, what: str, ended: Shift | None = None) -> Results:
    """Return what ours goes on from, and a warning. `what` became of the deployment, by a shift that `ended`.

    Raises `StepFailed` for a deployment that is a stranger's.
    """
    there = require_known(place, service, params)
    return {
        "left": {"guard": _known(there, params), "before": _before(place, there, params, ended)},
        "warnings": [f"The deployment {params['primary']} ({label(params['task_definition'])}) {what}."],
    }


def require_known(place: Place, service: ServiceState | None, params: Params) -> ServiceState:
    """Return the service, to whichever known deployment it has gone back. Raises `StepFailed` for a stranger's."""
    primary = service.primary.id if service and service.primary else ""
    return require_unmoved(service, _known(service, params), primary, place.names.place)


def _known(service: ServiceState | None, params: Params) -> list[str]:
    """Return the ids of the deployments that are no stranger's: going back, ECS may give an earlier one a new id."""
    earlier = [one.id for one in service.deployments if one.task_definition in params["earlier"]] if service else []
    return sorted({*params["guard"], *earlier})


def _before(place: Place, service: ServiceState, params: Params, ended: Shift | None) -> dict[str, Any]:
    """Return how the service is, with the revision that clients reach: an undo must not bring back one that never did.

    That is what ECS has gone back to, whatever tasks still end. `failed` says that there is none. `shape_of` is the
    superseded revision, whose shape the service has, "" for none.
    """
    service = judged(place, service) or service
    before, primary, reached = before_of(service), service.primary, service.reached
    if primary is not None and (primary.id != params["primary"] or (ended and ended.went_back_to(primary))):
        reached = primary
    if reached is None or primary is None:
        return {**before, "failed": True}
    return {
        **before,
        "task_definition": reached.task_definition,
        "failed": False,
        "shape": before["shape"] | _own_shape(service, reached, primary),
        "shape_of": "" if reached is primary else primary.task_definition,
    }


def _own_shape(service: ServiceState, reached: Deployment, primary: Deployment) -> dict[str, Any]:
    """Return what the reached deployment has of its own beside the primary one's, as UpdateService takes it."""
    told = {one["id"]: one for one in service.raw["deployments"]}
    theirs, own = told[primary.id], told[reached.id]
    return {name: own[name] for name in _OWN if name in own and own[name] != theirs.get(name)}
