"""Report what is deployed, for the command line: status and releases. Changes nothing."""

import contextlib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_desk
from decodeat_ops.core.abilities import Surveys
from decodeat_ops.core.clock import ahead
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.outcome import Cell, Facts, Outcome, Table
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.core.release import Release, made_at
from decodeat_ops.core.target import Observed
from decodeat_ops.deployment.snapshots import FUTURE, from_the_future
from decodeat_ops.deployment.snapshots import newest as newest_snapshot
from decodeat_ops.settings.schema import Loaded


def status(loaded: Loaded) -> Outcome:
    """Report the state on one screen; exit 0 when all is well, 4 on problems, 8 when the service or a host is silent.

    One of the problems is that something else runs in the place of a release, whatever that answers.
    """
    desk = open_desk(loaded, secrets={})
    observed = _surveyed(desk)
    if observed.current is None and not observed.stranger and not observed.silent:
        return Outcome(
            "status",
            "Nothing is deployed.",
            exit_code=8,
            data={"serving": False, "release": None, "problems": ["nothing is deployed"]},
            next=("decodeat-ops deploy",),
        )
    details = desk.view.details(observed)
    wrong: list[str] = []
    told: dict[str, Any] = {"deployment": loaded.deployment, "state_dir": desk.target.place}
    pairs: list[tuple[str, Cell]] = []
    answers = _serving(desk, observed, details.since, told, pairs, wrong)
    told |= details.told
    pairs += details.rows
    wrong += details.wrong
    if not desk.data.keeper:  # else that is what backs it up
        _backup(desk, observed, told, pairs, wrong)
    if observed.silent:  # they keep the lock, too
        told |= {"lock": None, "open_journal": None}
        pairs.append(("lock", (f"not known: {', '.join(observed.silent)} can't be asked", "warn")))
    else:
        _unsettled(desk, told, pairs, wrong)
    told |= {"serving": answers, "silent": list(observed.silent), "problems": wrong}
    code = 0 if not wrong else (8 if observed.silent or not (answers or observed.stranger) else 4)
    well = f"{loaded.deployment}: release {told['release']} serves, all is well."
    summary = well if not wrong else "; ".join(wrong) + "."
    return Outcome(
        "status", summary[0].upper() + summary[1:] if wrong else summary, exit_code=code, data=told,
        blocks=(Facts(tuple(pairs)),), next=_next(told, details.next),
    )  # fmt: skip


def _surveyed(desk: Desk) -> Observed[Any]:
    """Return what is deployed, without the parts that don't answer where a target can do without them."""
    return desk.target.survey() if isinstance(desk.target, Surveys) else desk.target.observe()


def _next(told: dict[str, Any], mend: tuple[str, ...]) -> tuple[str, ...]:
    if told.get("open_journal"):
        return ("decodeat-ops resume", "decodeat-ops rollback")
    if mend or not told["problems"]:
        return mend
    return ("decodeat-ops logs", "decodeat-ops doctor")


def _serving(
    desk: Desk,
    observed: Observed[Any],
    since: str,
    told: dict[str, Any],
    pairs: list[tuple[str, Cell]],
    wrong: list[str],
) -> bool:
    serves = observed.reached or observed.active
    if observed.stranger:
        told["stranger"] = observed.stranger
    if serves is None:
        _nothing(observed, told, pairs, wrong)
        return False
    endpoint = desk.view.endpoint(serves, "public")
    told |= {"release": serves.id, "since": since, "address": str(endpoint or "")}
    pairs.append(("release", (serves.id, "strong")))
    if observed.active and observed.active.id != serves.id:
        pairs.append((_state(observed.active, observed), (observed.active.id, "warn")))
    pairs.append(("serves since", f"{local_time(since)} ({ago(since)})" if since else ("not running", "bad")))
    pairs.append(("address", str(endpoint or "")))
    known = frozenset(one.id for one in (serves, observed.active) if one)  # while one follows the other, both answer
    health = _ask(desk, endpoint, known) if endpoint else _Health(False, False, "it has no address")
    told["health"] = health.text
    pairs.append(("health", health.cell))
    if not health.healthy:
        wrong.append(f"{endpoint} does not answer as release {serves.id}: {health.text}")
    elif not health.ready:
        wrong.append(f"the release is not ready: {health.text}")
    return health.healthy


def _nothing(observed: Observed[Any], told: dict[str, Any], pairs: list[tuple[str, Cell]], wrong: list[str]) -> None:
    """Report that no release serves: one was stopped, or something else runs in its place."""
    told["release"] = None
    if observed.current is None and not observed.stranger:
        pairs.append(("serves", ("nothing, as far as is known", "bad")))
        return
    if observed.stranger:
        pairs.append(("serves", (observed.stranger, "bad")))
        wrong.append("no release of this deployment serves")
        return
    pairs.append(("serves", ("nothing; stopped by the operator", "bad")))
    pairs.append(("stopped", observed.stopped.id if observed.stopped else ""))
    wrong.append("the service is stopped")


@dataclass(frozen=True)
class _Health:
    """Hold what a release answers. `lacks`: it is ready, but something that all instances share fails."""

    healthy: bool
    ready: bool
    text: str
    lacks: bool = False

    @property
    def cell(self) -> Cell:
        """Return text and tone: "warn" for what all instances share, since this one is as ready as any other."""
        if not self.ready:
            return self.text, "bad"
        return f"healthy, {self.text}", "warn" if self.lacks else "good"


def _ask(desk: Desk, endpoint: Endpoint, releases: frozenset[str]) -> _Health:
    """Ask for health through the public address, where one of these releases has to answer."""
    http = desk.view.http
    try:
        answer = http.request(endpoint, "GET", "/health", timeout=5)
        found = answer.headers.get("x-release-id", "")
        if answer.status != 200 or found not in releases:
            return _Health(False, False, f"status {answer.status} from release {found or 'unknown'}")
        ready = http.request(endpoint, "GET", "/ready", timeout=10)
    except Unreachable as error:
        return _Health(False, False, error.advice.what)
    why = _why(ready.body)
    if ready.status == 200:
        return _Health(True, True, f"ready, but {why}" if why else "ready", lacks=bool(why))
    return _Health(True, False, f"/ready answers {ready.status} {why}".strip())


def _why(body: bytes) -> str:
    with contextlib.suppress(ValueError, KeyError, AttributeError, TypeError):
        return "; ".join(f"{n}: {c['detail']}" for n, c in json.loads(body)["checks"].items() if not c["ok"])
    return ""


def _backup(
    desk: Desk, observed: Observed[Any], told: dict[str, Any], pairs: list[tuple[str, Cell]], wrong: list[str]
) -> None:
    """Report the last backup, and whether the next one is overdue.

    That counts from the last backup or, when there is none, from the oldest kept release.
    """
    last = newest_snapshot(desk.data.archives)
    newest = datetime.fromisoformat(last.made).timestamp() if last else 0.0
    told["last_backup"] = last.made if last else None
    made = [r.created_at for r in observed.releases]
    if observed.current and (began := made_at(observed.current.data)):
        made.append(began)  # retention may have deleted the first releases; the data has the name of its first one
    first = min(
        (datetime.fromisoformat(m).timestamp() for m in made if not ahead(m)), default=0.0 if made else time.time()
    )
    overdue = time.time() - (newest or first) > desk.loaded.settings.backup.max_age_hours * 3600
    text = f"{local_time(told['last_backup'])} ({ago(told['last_backup'])})" if newest else "none yet"
    pairs.append(("last backup", (text, "bad" if overdue else ("muted" if not newest else "good"))))
    told["passed_over"] = [snapshot.id for snapshot in from_the_future(desk.data.archives)]
    pairs += [("passed over", (f"{snapshot}, which {FUTURE}", "warn")) for snapshot in told["passed_over"]]
    if overdue:
        limit = desk.loaded.settings.backup.max_age_hours
        wrong.append(f"the last backup is older than {limit:g} hours" if newest else "there has never been a backup")


def _unsettled(desk: Desk, told: dict[str, Any], pairs: list[tuple[str, Cell]], wrong: list[str]) -> None:
    owner = desk.ledger.holder()
    told["lock"] = str(owner) if owner else None
    if owner:
        pairs.append(("lock", (str(owner), "warn")))
    left_open = desk.ledger.unfinished()
    told["open_journal"] = None
    if left_open and owner is None:  # with an owner it is being worked on
        plan = desk.ledger.read(left_open).plan
        told["open_journal"] = {"path": left_open, "verb": plan.verb, "subject": plan.subject}
        pairs.append(("interrupted", (f"{plan.verb} of {plan.subject}", "bad")))
        wrong.append(f"an interrupted {plan.verb} of {plan.subject} is waiting to be settled")


def ago(stamp: str) -> str:
    """Return how long ago an ISO 8601 moment was, in one unit, or that it is in the future."""
    seconds = time.time() - datetime.fromisoformat(stamp).timestamp()
    form = "{} in the future" if ahead(stamp) else "{} ago"
    seconds = abs(seconds) if ahead(stamp) else max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return form.format(f"{seconds / size:.0f} {unit}")
    return form.format(f"{seconds:.0f} s")


def local_time(stamp: str) -> str:
    """Return an ISO 8601 moment in this machine's own time zone."""
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")


TONES = {"serves": "good", "draining": "warn", "starting": "warn", "backing-off": "bad", "not running": "bad"}


def releases(loaded: Loaded) -> Outcome:
    """List the kept releases, newest first, and which one serves; exit 8 when a host is silent, whose are not known."""
    observed = _surveyed(open_desk(loaded, secrets={}))
    rows = []
    listed = []
    for release in observed.releases:
        state = _state(release, observed)
        tone = TONES.get(state, "muted")
        made = (local_time(release.created_at), release.created_by, release.origin)
        revision, _, dirty = release.revision.partition("-")
        short = revision[:7] + (f"-{dirty}" if dirty else "")  # as git shows it; the whole one is in the JSON
        rows.append(((release.id, "strong" if state == "serves" else "muted"), (state, tone), *made, short))
        listed.append({**release.as_json(), "state": state})
    count, nothing = len(rows), "No release is known." if observed.silent else "Nothing is deployed."
    return Outcome(
        "releases",
        f"{count} release{'s' if count != 1 else ''} kept." if rows else nothing,
        exit_code=8 if observed.silent else 0,
        data={"releases": listed, "silent": list(observed.silent)},
        blocks=(Table(("release", "state", "made", "by", "from", "revision"), tuple(rows)),) if rows else (),
        warnings=(
            *((f"What runs is {observed.stranger}.",) if observed.stranger else ()),
            *(f"{host} can't be asked: what it alone has is not among these." for host in observed.silent),
            *(f"{r.id} {FUTURE}." for r in observed.releases if ahead(r.created_at)),
        ),
        next=("decodeat-ops rollback RELEASE",) if count > 1 or (rows and observed.stranger) else (),
    )


def _state(release: Release, observed: Observed[Any]) -> str:
    """Return in a word what a release does. One on its way serves only once it is where clients get to."""
    if observed.reached and release.id == observed.reached.id:
        return "serves"
    if release.id == observed.active_id:
        return next((one.state for one in observed.instances if one.release == release.id), "not running")
    if release.id in observed.draining:
        return "draining"
    if observed.stopped and release.id == observed.stopped.id:
        return "stopped"
    return "kept" if release.served else "never served"
