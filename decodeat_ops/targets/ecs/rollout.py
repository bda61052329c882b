"""Wait until one deployment, ours, has replaced the others, or it is certain that it never will."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from decodeat_ops.core.errors import OpsError, StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import shift
from decodeat_ops.targets.ecs.failure import serves_now, why
from decodeat_ops.targets.ecs.news import News
from decodeat_ops.targets.ecs.observed import COMPLETED, FAILED, PRIMARY, Deployment, ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE, label, under_way
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.waiting import Waiting, duration

__all__ = ["Followed", "Judgement", "follow", "judge", "why"]

LAG = 30.0  # seconds in which ECS's lists may not yet show what it answered
NOT_ENDED = "The deployment under way did not end"
Enough = Callable[[ServiceState], bool]
HINT = "Mend the cause and run the command again; `decodeat-ops logs` and `decodeat-ops status` show more."


@dataclass(frozen=True)
class Followed:
    """Identify the deployment that is followed. `guard` are the ids of those before it; `since` is ISO 8601 or ""."""

    id: str
    task_definition: str
    guard: frozenset[str] = frozenset()
    since: str = ""


@dataclass(frozen=True)
class Judgement:
    """Hold what one look says: going on, done, failed for a reason, or replaced by another deployment."""

    verdict: Literal["going", "unseen", "done", "failed", "replaced"]
    text: str = ""
    done: int = 0
    total: int = 0


def judge(service: ServiceState | None, followed: Followed) -> Judgement:
    """Judge one reading of the service; pure. Only a complete deployment that is still the primary one is done."""
    if service is None:
        return Judgement("failed", "somebody deleted the service")
    if service.status != ACTIVE:
        return Judgement("failed", f"somebody deletes the service: it is {service.status}")
    ours = next((one for one in service.deployments if one.id == followed.id), None)
    if ours is None:
        stale = all(one.id in followed.guard for one in service.deployments)
        return Judgement("unseen" if stale else "replaced", "ECS does not list the deployment")
    if ours.rollout_state == FAILED:
        return Judgement("failed", f"ECS gave the deployment up ({ours.rollout_reason or 'it gives no reason'})")
    if ours.status != PRIMARY:
        return Judgement("replaced")
    if ours.task_definition != followed.task_definition:
        what = f"the deployment {ours.id} brings {label(ours.task_definition)}, not {label(followed.task_definition)}"
        return Judgement("failed", what)
    if service.desired == 0:
        return Judgement("failed", "somebody set the desired count to 0, so that nothing is to run")
    if ours.rollout_state == COMPLETED and ours.running >= service.desired:
        return Judgement("done", done=ours.running, total=service.desired)
    return Judgement("going", _progress(service, ours), ours.running, service.desired)


def _progress(service: ServiceState, ours: Deployment) -> str:
    parts = [f"{ours.running} of {service.desired} tasks run"]
    if ours.pending:
        parts.append(f"{ours.pending} start")
    if ours.failed:
        parts.append(f"{ours.failed} failed")
    old = sum(one.running for one in service.deployments if one.id != ours.id)
    if old:
        parts.append(f"{old} of the old ones still run")
    return "; ".join(parts)


def follow(
    place: Place,
    deployment_id: str,
    context: Context,
    limit: float,
    *,
    task_definition: str,
    guard: Collection[str] = (),
    since: str = "",
) -> float:
    """Wait until the deployment has replaced the others and every task of it runs; return the seconds.

    Raises `StepFailed` with all that is known of it once it can't succeed any more, or after `limit` seconds. `Lost`
    passes: what is not answered is not known. With a shift, the service deployment that ECS keeps of it decides.
    """
    followed = Followed(deployment_id, task_definition, frozenset(guard), since)
    waiting, news = Waiting(place, context, limit), News(context)
    found: shift.Shift | None = None
    while True:
        service = service_state(place)
        judged = judge(service, followed)
        if service is not None:
            followed = replace(followed, since=followed.since or _began(service, followed))
            news.of_service(service, followed.id, followed.since)
            if shift.is_of(service):
                judged, found = _shifted(place, judged, followed, found)
                news.of_shift(found)
        if judged.verdict == "unseen" and waiting.seconds >= LAG:
            judged = replace(judged, verdict="replaced")
        if judged.verdict == "done":
            return waiting.seconds
        if judged.verdict in {"failed", "replaced"}:
            cause = judged.text if judged.verdict == "failed" else _replaced(place, service, followed)
            raise failed(place, followed, cause)
        if waiting.over:
            far = ", ".join(filter(None, (news.stage, judged.text)))
            cause = f"the deployment was not complete within {duration(limit)}: {far}"
            raise failed(place, followed, cause)
        context.progress(f"{judged.text} ({duration(waiting.seconds)} of {duration(limit)})", judged.done, judged.total)
        waiting.pause()


def _began(service: ServiceState, followed: Followed) -> str:
    return next((one.created_at for one in service.deployments if one.id == followed.id), "")


def _shifted(
    place: Place, judged: Judgement, followed: Followed, known: shift.Shift | None
) -> tuple[Judgement, shift.Shift | None]:
    """Judge by the service deployment, whose ARN is searched once, unless the service itself says that it failed."""
    if judged.verdict == "failed":
        return judged, known
    found = shift.look(place, known.arn) if known else shift.find(place, followed.task_definition, followed.since)
    if found is None:
        verdict = "unseen" if judged.verdict in {"done", "unseen"} else judged.verdict
        return replace(judged, verdict=verdict, text="ECS does not list the shift"), None
    if found.outcome == "done":
        # A shift keeps no word on its rollout in the service itself: all tasks of the primary deployment have to run.
        complete = judged.verdict == "going" and judged.done >= judged.total
        return replace(judged, verdict="done") if complete else judged, found
    if found.outcome == "back":
        return Judgement("failed", f"ECS rolled the shift back ({found.reason or found.status})"), found
    if found.outcome == "stopped":
        return Judgement("failed", f"somebody stopped the shift ({found.reason or found.status})"), found
    if found.outcome == "unknown":
        return Judgement("failed", f"ECS says of the shift {found.status}, which this version does not know"), found
    return Judgement("going", found.tasks, found.running, found.requested), found


def _replaced(place: Place, service: ServiceState | None, followed: Followed) -> str:
    """Return what took the place of the deployment: ECS's own rollback, or a deployment of somebody else."""
    try:
        found = shift.find(place, followed.task_definition, followed.since)
    except OpsError:
        found = None  # only the words depend on it
    if found is not None and found.outcome == "back":
        return f"ECS rolled the deployment back ({found.reason or found.status})"
    primary = service.primary if service else None
    if primary is None:
        return "ECS does not list the deployment any more"
    if primary.id == followed.id:
        return "ECS keeps no record of the shift, so that nobody can tell what became of it"
    reason = f" ({primary.rollout_reason})" if primary.rollout_reason else ""
    if primary.id in followed.guard:
        return f"ECS went back to the deployment {primary.id}, {label(primary.task_definition)}{reason}"
    return f"another deployment took its place: {primary.id}, {label(primary.task_definition)}{reason}"


def failed(place: Place, followed: Followed, cause: str) -> StepFailed:
    """Return the error for a deployment that failed: the cause, what runs now, and what tasks and events say."""
    return StepFailed(
        f"{cause[0].upper()}{cause[1:].rstrip('.')}. {serves_now(place)}",
        hint=HINT,
        lines=why(place, followed.task_definition, followed.since),
    )


def settled(place: Place, service: ServiceState) -> bool:
    """Return whether no deployment is under way. A shift may go on or back while tasks of one revision alone run."""
    if service.status != ACTIVE or under_way(service):
        return False
    deciding = shift.current(place, service) if shift.is_of(service) else None
    return deciding is None or deciding.over


def settle(
    place: Place,
    context: Context,
    limit: float,
    *,
    patient: bool = True,
    enough: Enough | None = None,
    what: str = NOT_ENDED,
) -> ServiceState | None:
    """Wait as `wait` does. Raises `StepFailed`, which says `what`, when there is more to wait for after `limit`."""
    service, over = _waited(place, context, limit, patient, enough)
    if service is None or over:
        return service
    if service.status != ACTIVE:
        what = "The service is being deleted, and was not gone"
    raise StepFailed(
        f"{what} within {duration(limit)}. {serves_now(place)}",
        hint="`decodeat-ops status` shows how far it is; run the command again once it has ended.",
    )


def wait(
    place: Place, context: Context, limit: float, *, patient: bool = True, enough: Enough | None = None
) -> ServiceState | None:
    """Wait until no deployment is under way, `limit` seconds at most; return the service then, None when it is gone.

    With `patient` the operator may interrupt it. `enough` says of a look that there is nothing more to wait for.
    """
    return _waited(place, context, limit, patient, enough)[0]


def _waited(
    place: Place, context: Context, limit: float, patient: bool, enough: Enough | None
) -> tuple[ServiceState | None, bool]:
    """Return the service as it was seen last, and whether there was nothing more to wait for."""
    waiting = Waiting(place, context, limit, patient)
    while True:
        service = service_state(place)
        if service is None or service.status == "INACTIVE":
            return None, True
        if settled(place, service) or (enough is not None and enough(service)):
            return service, True
        if waiting.over:
            return service, False
        context.progress(f"waiting for the deployment under way ({duration(waiting.seconds)} of {duration(limit)})")
        waiting.pause()
