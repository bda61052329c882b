"""Carry out the step `migrate` by a container of the release's own on one machine, and its undo."""

import json
from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Answer
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.vm.actions.imaged import with_image
from decodeat_ops.targets.vm.actions.running import Work, each
from decodeat_ops.targets.vm.actions.starting import launched, secrets_of
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import frame
from decodeat_ops.targets.vm.scripts import migrate as scripts
from decodeat_ops.targets.vm.steps import MIGRATE

SECONDS = 3600.0  # that a migration may take
HINT = "Mend the cause and run the command again."
ASKED = ("--migrate", "--json")


def migrate(place: Place, context: Context, params: Params) -> Results:
    """Bring the database to the release's schema, and return what was done; one that runs already is waited for."""
    errand, given = _errand(place, context, params, scripts.FORWARD, *ASKED), secrets_of(place, context)

    def one(work: Work) -> Mapping[str, Any]:
        answer = work.wait(
            lambda seconds: scripts.run(errand, seconds),
            SECONDS,
            given=given,
            waiting=lambda _, seconds: f"migrating ({seconds:.0f} s)",
        )
        return _told(work, answer)

    told = each(place, context, [params["host"]], one)[params["host"]]
    return {"done": list(told["done"]), "before": str(told["before"] or "")}


def unmigrate(place: Place, context: Context, params: Params) -> Results | None:
    """Undo the migrations if that loses no data; else leave them, and return a warning that says so."""
    host = params["host"]
    return each(place, context, [host], lambda work: _unmigrated(work, params), patient=False).get(host)


def _unmigrated(work: Work, params: Params) -> Results | None:
    place, context = work.place, work.context
    if not VmRelease(**params["release"]).image and not context.results.get("image"):
        return None  # no image came, so nothing can have migrated
    done = context.results.get(MIGRATE) or _found(work, _errand(place, context, params, scripts.FORWARD, *ASKED))
    if done is None:
        return {"warnings": ["Whether the database was migrated is not known any more; it stays as it is."]}
    lossy = [one for one in done["done"] if one in params["lossy"]]
    back = _errand(place, context, params, scripts.BACK, "--migrate", "--to", str(done["before"]), "--json")
    if done["done"] and done["before"] and not lossy:
        given = secrets_of(place, context)
        _told(work, work.wait(lambda seconds: scripts.run(back, seconds), SECONDS, given=given))
    work.run(scripts.forget(back.launch))
    return {"warnings": [_left(done["done"][-1], lossy, params["snapshot"])]} if lossy else None


def _errand(place: Place, context: Context, params: Params, name: str, *asked: str) -> scripts.Errand:
    release = with_image(context, VmRelease(**params["release"]))
    return scripts.Errand(launched(place, release, params["colour"]), name, params["change"], asked)


def _found(work: Work, errand: scripts.Errand) -> Mapping[str, Any] | None:
    """Return what a migration did whose end was not noted, nothing `done` when it never ran, None if unknown."""
    answer = work.wait(lambda seconds: scripts.outcome(errand, seconds), SECONDS)
    if answer.status == frame.NO_ENGINE:
        work.well(answer, "what the migration did")
    facts = frame.told(answer.stdout)
    if answer.status == frame.MISSING or (answer.status == 0 and "code" not in facts):
        return {"done": [], "before": ""}
    told = _object(facts.get("told", ""))
    if told is None:
        return None if facts.get("code") != "0" else {"done": [], "before": ""}
    return told if told.get("ok") else {"done": [], "before": ""}


def _told(work: Work, answer: Answer) -> Mapping[str, Any]:
    """Return what the container reported. Raises `StepFailed` unless it says itself that all went well."""
    if answer.status == frame.NOT_YET:
        raise work.failed(
            "the migration", f"it has not ended after {SECONDS:g} s", answer, "`decodeat-ops resume` goes on waiting."
        )
    if answer.status == frame.NO_START:
        raise work.failed("the migration", "docker compose could not start it", answer)
    work.well(answer, "the migration")
    facts = frame.told(answer.stdout)
    told = _object(facts.get("told", ""))
    lines = frame.logged(answer.stdout)
    if told is not None and facts.get("code") == "0" and told.get("ok"):
        return told
    if told is not None and told.get("problem"):
        what = f"The migration failed, and the database is as it was: {told['problem']}."
        raise StepFailed(what, hint=HINT, lines=lines)
    if facts.get("code") == str(frame.KILLED):
        memory = work.place.loaded.settings.vm.memory
        raise StepFailed(
            f"The migration on {work.host} was killed before it said how it ended, as for taking too much memory.",
            hint=f"It may take {memory} (vm.memory). Then run the command again: it repeats no migration.",
            lines=lines,
        )
    raise StepFailed(
        f"The migration on {work.host} said nothing of its outcome (exit code {facts.get('code', '?')}).",
        hint="Look at its log, and whether the database answers; then run the command again: it repeats no migration.",
        lines=lines,
    )


def _object(text: str) -> Mapping[str, Any] | None:
    """Return what a migration reports, None for a last line of its log that is no report."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    whole = not told.get("ok") or ("before" in told and isinstance(told.get("done"), list))
    return told if whole else None


def _left(at: str, lossy: list[str], snapshot: str) -> str:
    way = f", or bring back the backup {snapshot}" if snapshot else ""
    return (
        f"The database stays at schema {at}: going back over {', '.join(lossy)} would lose some of it. Until what "
        f"serves is a release that knows this schema, it may be unable to store results: deploy one{way}."
    )


ACTIONS: Acts = {"migrate": migrate, "unmigrate": unmigrate}
