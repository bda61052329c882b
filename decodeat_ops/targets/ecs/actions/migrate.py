"""Carry out the step `migrate` by a one-off task of the release's own code, and its undo."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.actions.settling import as_left
from decodeat_ops.targets.ecs.errand import BACK, Ended, Errand, ended, ended_before, running_of, since_undo, start
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import known, required
from decodeat_ops.targets.ecs.steps import MIGRATE

FORWARD = ("--migrate", "--json")
HINT = "Mend the cause and run the command again."


def migrate(place: Place, context: Context, params: Params) -> Results:
    """Bring the database to the release's schema, and return what was done; a task that runs already is waited for.

    Raises `StepFailed` when the service moved since the plan was made, or when the migration failed.
    """
    _require_unmoved(place, as_left(context, params))
    errand = Errand(required(place, context, params), _started_by(params), FORWARD)
    earlier = _earlier(place, context, errand)
    told = _told(_run(place, context, errand))
    return _joined([*earlier, told])


def _run(place: Place, context: Context, errand: Errand, *, patient: bool = True) -> Ended:
    """Run the errand, or wait for its task that runs already, and return how it ended."""
    task = running_of(place, errand) or start(place, errand, _token(place, errand))
    return ended(place, context, errand, task, patient=patient)


def _started_by(params: Params) -> str:
    """Return what names this change on its tasks: the release, and what was deployed before."""
    before = hashlib.sha256("\0".join(params["guard"]).encode()).hexdigest()[:8]
    return f"{params['release']}/{before}"


def _earlier(place: Place, context: Context, errand: Errand) -> list[Mapping[str, Any]]:
    """Return what its tasks did before a crash: a repeat finds nothing left to do, and the undo has to know."""
    ends = [ended(place, context, errand, task, patient=False) for task in since_undo(place, errand)]
    return [end.told for end in ends if end.told is not None and end.told.get("ok")]


def _joined(reports: Sequence[Mapping[str, Any]]) -> Results:
    """Return one report of several runs: all that was done, from the first one's revision on."""
    done = [one for told in reports for one in told["done"]]
    return {"done": done, "before": next((str(told["before"] or "") for told in reports), "")}


def _require_unmoved(place: Place, params: Params) -> None:
    """Raise `StepFailed` when somebody deployed since the plan was made: their release may not know this schema."""
    service = service_state(place)
    there = [one.id for one in service.deployments] if service is not None and service.status == ACTIVE else []
    moved = sorted(set(there) - set(params["guard"]))
    if moved:
        raise StepFailed(
            f"Somebody deployed to {place.names.place} since this was planned ({', '.join(moved)}), so the database is "
            "left as it is.",
            hint="Run the command again: it plans with what is there now.",
        )


def _token(place: Place, errand: Errand) -> str:
    """Return what makes ECS answer a repeated call with the task that the first one started.

    ECS remembers it longer than a task; so the tasks that have ended, and the hour, are part of it: the next attempt
    gets a task of its own. Two at once do no harm, since a migration locks the database.
    """
    hour = datetime.now(UTC).strftime("%Y%m%d%H")
    parts = (errand.started_by, *errand.words, *ended_before(place, errand), hour)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _told(end: Ended) -> Mapping[str, Any]:
    """Return what the task reported. Raises `StepFailed` unless it says itself that all went well."""
    told = end.told
    if told is not None and end.code == 0 and told.get("ok"):
        return told
    if told is not None and told.get("problem"):
        raise StepFailed(
            f"The migration failed, and the database is as it was: {told['problem']}.", hint=HINT, lines=end.lines
        )
    how = f"exit code {end.code}" if end.code is not None else "it did not run"
    raise StepFailed(
        f"The migration's task {end.task} said nothing of its outcome ({how}; {end.reason or 'no reason given'}).",
        hint="Look at its log, and whether the database answers; then run the command again: it repeats no migration.",
        lines=end.lines,
    )


def unmigrate(place: Place, context: Context, params: Params) -> Results | None:
    """Undo the migrations if that loses no data; else leave them, and return a warning that says so."""
    task_definition = known(place, context, params)
    if not task_definition:
        return None  # nothing was registered that could have migrated
    done = _done(place, context, task_definition, params)
    if done is None:
        return {"warnings": ["Whether the database was migrated is not known any more; it stays as it is."]}
    if not done["done"]:
        return None
    lossy = [one for one in done["done"] if one in params["lossy"]]
    if lossy or not done["before"]:
        return {"warnings": [_left(done["done"][-1], lossy, params["snapshot"])]} if lossy else None
    errand = Errand(task_definition, _started_by(params), ("--migrate", BACK, done["before"], "--json"))
    _told(_run(place, context, errand, patient=False))
    return None


def _done(place: Place, context: Context, task_definition: str, params: Params) -> Mapping[str, Any] | None:
    """Return what the migration did, with nothing `done` when it never ran, None when that can't be known.

    After a crash, or when it failed, only its tasks and their log know: one that still runs is waited for.
    """
    if MIGRATE in context.results:
        return context.results[MIGRATE]
    errand = Errand(task_definition, _started_by(params), FORWARD)
    runs = running_of(place, errand)
    tasks = dict.fromkeys((*since_undo(place, errand), *([runs] if runs else ())))  # it may have ended in between
    ends = [ended(place, context, errand, task, patient=False) for task in tasks]
    if any(end.told is None and end.code is not None for end in ends):
        return None
    return _joined([end.told for end in ends if end.told is not None and end.told.get("ok")])


def _left(at: str, lossy: list[str], snapshot: str) -> str:
    way = f", or bring back the backup {snapshot}" if snapshot else ""
    return (
        f"The database stays at schema {at}: going back over {', '.join(lossy)} would lose some of it. Until what "
        f"serves is a release that knows this schema, it may be unable to store results: deploy one{way}."
    )


ACTIONS: Acts = {"migrate": migrate, "unmigrate": unmigrate}
