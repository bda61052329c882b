"""Run another number of tasks of the serving release, unless autoscaling decides that."""

from decodeat_ops.core.abilities import Scaling
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import StepFailed, Usage
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import identity
from decodeat_ops.targets.ecs.autoscaling import DIMENSION, bounds, resource, set_desired
from decodeat_ops.targets.ecs.failure import why
from decodeat_ops.targets.ecs.observed import EcsObserved, ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE, require_unmoved
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.waiting import Waiting


def scaling(place: Place, observed: EcsObserved, count: int) -> Scaling:
    """Return the steps to `count` tasks. Raises `Usage` when nothing serves, or something else decides the number."""
    service = _require_serving(observed)
    if service.desired == count:
        return Scaling()
    doubts = _refuse_autoscaled(place)
    primary = service.primary
    guarded = {"guard": list(observed.guard), "primary": primary.id if primary else ""}
    steps = (
        Step(
            "scale",
            f"Ask for {count} tasks instead of {service.desired}",
            Action("scale", {"count": count, **guarded}),
            Action("unscale", {"count": service.desired, "asked": count}),
        ),
        Step(
            "scaled",
            f"Wait until {count} tasks run",
            Action("scaled", {"count": count, "task_definition": service.task_definition}),
        ),
    )
    facts = (*identity.facts(place), ("runs now", f"{service.running} of {service.desired} tasks"), *doubts)
    return Scaling(steps, facts)


def _require_serving(observed: EcsObserved) -> ServiceState:
    service = observed.service
    if service is None or observed.current is None:
        raise Usage("Nothing is deployed here.", hint="Run `decodeat-ops deploy` first.")
    if observed.active is None:
        raise Usage("The service is stopped.", hint="`decodeat-ops start` starts as many tasks as it had.")
    if not service.settled:
        raise Usage(
            "A deployment is under way, and it counts its tasks by what it began with.",
            hint="Wait until `decodeat-ops status` shows one deployment, then run the command again.",
        )
    return service


def _refuse_autoscaled(place: Place) -> tuple[tuple[str, str], ...]:
    """Raise `Usage` where autoscaling owns the count. Return the doubt that is left when that may not be asked."""
    try:
        found = bounds(place)
    except AwsRefused as error:
        if not error.denied:
            raise
        return (("not certain", f"whether autoscaling decides the number of tasks: {error.operation} is denied"),)
    if found is None:
        return ()
    raise Usage(
        f"Autoscaling decides how many tasks run: between {found.least} and {found.most}.",
        hint="Change its bounds instead: `aws application-autoscaling register-scalable-target --service-namespace ecs "
        f"--scalable-dimension {DIMENSION} --resource-id {resource(place)} "
        "--min-capacity N --max-capacity M`.",
    )


def _scale(place: Place, context: Context, params: Params) -> Results:
    """Ask for the count, unless somebody changed the service since it was planned."""
    identity.who(place)
    service = require_unmoved(service_state(place), params["guard"], params["primary"], place.names.place)
    if service.desired != params["count"]:
        set_desired(place, params["count"])
    return {"before": service.desired}


def _unscale(place: Place, context: Context, params: Params) -> Results:
    """Ask for the count of before, unless somebody has chosen another one since."""
    service = service_state(place)
    if service is None or service.status != ACTIVE or service.desired == params["count"]:
        return {}
    if service.desired != params["asked"]:
        return {"warnings": [f"Somebody asked for {service.desired} tasks meanwhile; that stays."]}
    set_desired(place, params["count"])
    return {}


def _scaled(place: Place, context: Context, params: Params) -> Results:
    """Wait until as many tasks run as were asked for."""
    count = params["count"]
    wait = Waiting(place, context, place.loaded.settings.ecs.deploy_minutes * 60)
    while True:
        service = service_state(place)
        if service is None or service.status != ACTIVE or service.desired != count:
            now = "is gone" if service is None or service.status != ACTIVE else f"is to run {service.desired} tasks"
            raise StepFailed(f"Somebody changed the service meanwhile: it {now}.", hint="See `decodeat-ops status`.")
        if service.running == count and not service.pending:
            return {"running": count}
        context.progress(f"{service.running} of {count} tasks run", min(service.running, count), count)
        if wait.over:
            raise StepFailed(
                f"After {wait.seconds:.0f} s {service.running} tasks run instead of {count}.",
                hint="See the events below; `decodeat-ops logs` shows what the tasks said.",
                lines=why(place, params["task_definition"]),
            )
        wait.pause()


ACTIONS: Acts = {"scale": _scale, "unscale": _unscale, "scaled": _scaled}
