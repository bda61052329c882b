"""Open what checks need and run checklists, checks and the doctor for the command line; list and verify records."""

import difflib
import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import decodeat_ops
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_desk, open_view
from decodeat_ops.checks import junit, lists, machine, report, words
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.record import Identity, Verdict
from decodeat_ops.checks.record import records as all_records
from decodeat_ops.checks.record import verify as verify_chain
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.checks.run import run
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.checks.subject import Subject
from decodeat_ops.checks.walk import Question, Walk, Walked, walk
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration, OpsError, Usage
from decodeat_ops.core.events import Emit, discard_event
from decodeat_ops.core.outcome import Cell, Facts, Outcome, Table
from decodeat_ops.deployment import files
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.settings.schema import Loaded, Settings

__all__ = ["Question", "SignOff", "Walk", "check", "checklist", "doctor", "records", "verify"]


def checklist(loaded: Loaded, name: str, how: Walk) -> Outcome:
    """Walk through "pre-deploy" or "post-deploy". Raises `Usage` for another name, `Configuration` without code."""
    if name not in lists.CHECKLISTS:
        raise Usage(f"There is no checklist {name!r}.", hint=f"There are: {', '.join(lists.CHECKLISTS)}.")
    desk = _open(loaded)
    subject = _subject(desk)
    chosen = lists.CHECKLISTS[name].with_more(desk.view.proves)
    StateLedger(layout_of(loaded), loaded).prepare()  # records are kept here alone, whatever the target
    result = walk(chosen, subject, _identity(name, subject), how)
    outcome = report.walked(result, how.lang)
    _hand_out(result, outcome, how)
    return outcome


def _open(loaded: Loaded) -> Desk:
    """Return the desk, without secrets when these don't resolve: that is a finding, not the end of the command."""
    try:
        return open_desk(loaded)
    except Configuration:
        return open_desk(loaded, secrets={})  # environment.valid and machine.secrets say what is wrong with them


def _subject(desk: Desk, *, asks: bool = True) -> Subject:
    """Return what checks ask about; without `asks` no release, which is not looked for then."""
    active = desk.view.active() if asks else None
    endpoint = desk.view.endpoint(active, "public") if active else None
    return Subject(desk.loaded, desk.view, desk.target.observe, desk.records, desk.secrets, active, endpoint)


def _identity(name: str, subject: Subject) -> Identity:
    """Return what a walk is about: before a deploy the code that would be deployed, afterwards the code that serves."""
    release, loaded = subject.release, subject.loaded
    serving = release.code if release else ""
    code = serving if name == lists.POST_DEPLOY.name else subject.code
    return Identity(
        checklist=name,
        release=release.id if release else "",
        code=code,
        settings=hashlib.sha256(f"{loaded.env}\0{loaded.settings.of_target()}".encode()).hexdigest(),
        host=platform.node(),
        tool=decodeat_ops.__version__,
    )


def _hand_out(result: Walked, outcome: Outcome, how: Walk) -> None:
    if how.junit is not None:
        _write(how.junit, junit.xml(result, how.lang), result)
    if how.export is not None:
        _write(how.export, json.dumps(outcome.envelope(), ensure_ascii=False, indent=2) + "\n", result)


def _write(path: Path, text: str, result: Walked) -> None:
    try:
        files.write(path, text)
    except OSError as error:
        raise Usage(
            f"{path} could not be written: {error.strerror}.",
            state=f"The checklist was walked through; its record is {result.record}.",
            hint=f"Give another file and go on: `decodeat-ops checklist {result.checklist.name} --resume`.",
        ) from error


def check(loaded: Loaded, name: str | None, emit: Emit = discard_event, lang: words.Language = "en") -> Outcome:
    """Run one check; without a name list them all. Raises `Usage` for an unknown name."""
    known = checks_of(open_view(loaded))
    if name is None:
        return _listed(known, lang)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        raise Usage(
            f"There is no check {name!r}.",
            hint=f"Did you mean {' or '.join(near)}?" if near else "`decodeat-ops check` lists them all.",
        )
    found = run((name,), _subject(_open(loaded)), emit)
    return report.findings(f"check {name}", found, lang, then=(f"decodeat-ops check {name}",))


def _listed(known: Mapping[str, Check], lang: words.Language) -> Outcome:
    def kind(one: Check) -> str:
        return ", ".join(name for name in ("gate", "active", "manual") if getattr(one, name)) or "-"

    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.id, words.title(one.id, lang), (kind(one), "muted")) for one in known.values()
    )
    return Outcome(
        "check",
        f"{len(rows)} checks.",
        data={
            "checks": [{"id": one.id, "title": words.title(one.id, lang), "kind": kind(one)} for one in known.values()]
        },
        blocks=(Table(("check", "asks", "kind"), rows),),
        next=("decodeat-ops check NAME",),
    )


def doctor(
    loaded: Loaded | None, emit: Emit = discard_event, lang: words.Language = "en", problem: OpsError | None = None
) -> Outcome:
    """Check this machine. Without settings (`problem` says why they don't load), checks that need them are skipped."""
    settings = loaded or Loaded(settings=Settings(), env="production", files=(), directory=Path.cwd(), origins={})
    desk = _open(settings)
    subject = _subject(desk, asks=desk.view.doctor_asks)
    checks = dict(checks_of(subject.view))
    if loaded is None:
        for name in machine.NEED_SETTINGS:
            checks[name] = replace(checks[name], probe=_skipped(name))
        if problem is not None:
            checks["machine.settings"] = replace(checks["machine.settings"], probe=_refused(problem))
    found = run(subject.view.doctor, subject, emit, checks)
    return report.findings("doctor", found, lang, then=("decodeat-ops doctor",))


def _skipped(name: str) -> Callable[[Subject], Finding]:
    return lambda subject: answer(name, Status.SKIP, "machine.no_need")


def _refused(problem: OpsError) -> Callable[[Subject], Finding]:
    told = problem.advice
    return lambda subject: answer(
        "machine.settings", Status.FAIL, "machine.settings_bad", problem=told.what, advice=told.hint
    )


def records(loaded: Loaded) -> Outcome:
    """List the records of checklists, newest first."""
    read = [verify_chain(path) for path in all_records(layout_of(loaded).records)]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (v.path.name, str(v.header.get("release", "")) or "-", _state(v)) for v in read
    )
    return Outcome(
        "checklist records",
        f"{len(read)} records." if read else "No checklist was walked through yet.",
        data={"records": [_as_json(v) for v in read]},
        blocks=(Table(("record", "release", "state"), rows),) if read else (),
        next=("decodeat-ops checklist verify latest",) if read else ("decodeat-ops checklist pre-deploy",),
    )


def _state(verdict: Verdict) -> Cell:
    if verdict.problem:
        return ("damaged", "bad")
    return ("finished", "good") if verdict.finished else ("open", "warn")


def _as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "name": verdict.path.name,
        "whole": not verdict.problem,
        "signed": False,
        "problem": verdict.problem,
        "finished": verdict.finished,
        "lines": len(verdict.entries),
        "head": verdict.head,
        "header": verdict.header,
    }


def verify(loaded: Loaded, name: str) -> Outcome:
    """Recompute the hash chain of a record: "latest", its name or a file. Exit 4 when it is damaged.

    It detects accidents, not forgery, and says so: the chain has no key.
    """
    verdict = verify_chain(_find(layout_of(loaded).records, name))
    facts: list[tuple[str, Cell]] = [
        ("record", verdict.path.name),
        ("lines", str(len(verdict.entries))),
        ("state", _state(verdict)),
        ("head", verdict.head),
    ]
    facts.append(("problem", (verdict.problem, "bad")) if verdict.problem else ("proves", ACCIDENTS))
    summary = (
        f"{verdict.path.name} is damaged: {verdict.problem}."
        if verdict.problem
        else f"{verdict.path.name} is undamaged: every line follows from the one before."
    )
    return Outcome(
        "checklist verify",
        summary,
        exit_code=4 if verdict.problem else 0,
        data=_as_json(verdict),
        blocks=(Facts(tuple(facts)),),
        next=("decodeat-ops checklist records",) if verdict.problem else (),
    )


ACCIDENTS = (
    "no accident changed it; it is not signed, so only a head that was noted elsewhere tells that nobody rewrote it"
)


def _find(directory: Path, name: str) -> Path:
    known = all_records(directory)
    if name == "latest" and known:
        return known[0]
    for path in known:
        if name in (path.name, path.stem):
            return path
    if Path(name).is_file():
        return Path(name)
    near = difflib.get_close_matches(name, [path.name for path in known], n=3)
    raise Usage(
        f"There is no record {name!r}.",
        hint=f"Did you mean {' or '.join(near)}?" if near else "`decodeat-ops checklist records` lists them.",
    )
