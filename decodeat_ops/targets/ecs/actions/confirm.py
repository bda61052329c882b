"""Carry out the step that asks the release itself, from outside, whether it is the one that answers."""

from decodeat_ops.core.errors import StepFailed, Unreachable
from decodeat_ops.core.plan import Params
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import endpoint
from decodeat_ops.targets.ecs.actions.revising import mark_served
from decodeat_ops.targets.ecs.failure import serves_now, why
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import required
from decodeat_ops.targets.ecs.steps import UPDATE
from decodeat_ops.targets.ecs.waiting import SLICE, duration

CONFIRMATIONS = 10  # answers in a row, each on a connection of its own, so that probably every task is asked
PAUSE = 0.1  # seconds between them
SECONDS = 120.0  # in which a load balancer has to have found the new tasks healthy


def confirm(place: Place, context: Context, params: Params) -> Results:
    """Wait until the public address answers with this release `CONFIRMATIONS` times in a row, and note that it served.

    The address is looked for once, and again only after an answer that is not the release's. Raises `StepFailed` after
    `SECONDS`: another release that answers well is no success.
    """
    task_definition = required(place, context, params)
    began, row, seen = place.clock.now(), 0, "there is no address: no task has one"
    where: Endpoint | None = None
    while True:
        context.checkpoint()
        where = where or endpoint.public(place, task_definition)
        if where is not None:
            good, seen = _ask(place, where, params["release"])
            row = row + 1 if good else 0
            where = where if good else None
        seconds = place.clock.now() - began
        if row == CONFIRMATIONS:
            warnings = mark_served(place, task_definition)
            return {"seconds": round(seconds, 2), **({"warnings": warnings} if warnings else {})}
        if seconds >= SECONDS:
            break
        context.progress(f"{seen} ({duration(seconds)} of {duration(SECONDS)})", row, CONFIRMATIONS)
        place.clock.sleep(PAUSE if row else SLICE)
    raise StepFailed(
        f"Release {params['release']} is not what clients reach: {seen}. {serves_now(place)}",
        hint="Look at the load balancer's listener and target group, or set ecs.address to the URL that clients use.",
        lines=why(place, task_definition, context.results.get(UPDATE, {}).get("since", "")),
    )


def _ask(place: Place, where: Endpoint, release: str) -> tuple[bool, str]:
    """Return whether the release answers there, and what was seen."""
    try:
        answer = place.http.request(where, "GET", "/health", timeout=5)
    except Unreachable as error:
        return False, error.advice.what.rstrip(".")
    told = answer.headers.get("x-release-id", "unknown")
    return answer.status == 200 and told == release, f"{where} answers {answer.status} from release {told}"


ACTIONS: Acts = {"confirm": confirm}
