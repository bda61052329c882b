"""Walk through a checklist: run every check in order, ask people what only they know, keep a record."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from decodeat_ops.checks import signoffs, words
from decodeat_ops.checks.manual import signed_finding
from decodeat_ops.checks.record import Identity, Record, Verdict, records, verify
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.checks.run import ask
from decodeat_ops.checks.shared import measured_once
from decodeat_ops.checks.signoffs import Signed, SignOff
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Checklist, Finding, Item, Status
from decodeat_ops.core.clock import ahead
from decodeat_ops.core.events import Checked, Emit, discard_event

TOO_OLD = timedelta(hours=24)
ORDER = (Status.SKIP, Status.PASS, Status.WARN, Status.MANUAL, Status.FAIL)  # mildest first


@dataclass(frozen=True)
class Question:
    """Hold what a person is asked: to sign a manual item or to waive a finding. Texts are in the walk's language."""

    item: Item
    finding: Finding
    waiver: bool
    title: str
    why: str
    says: str
    hint: str


def _leave_open(question: Question) -> SignOff | None:
    """Leave the question open."""
    return None


@dataclass(frozen=True)
class Walk:
    """Describe how to walk. `ask` is called only when `interactive`; None as its answer leaves the question open."""

    resume: bool = False
    interactive: bool = False
    ask: Callable[[Question], SignOff | None] = _leave_open
    emit: Emit = discard_event
    lang: words.Language = "en"
    junit: Path | None = None
    export: Path | None = None


@dataclass(frozen=True)
class Answered:
    """Hold one check's finding in a walk: `waiver` when a person accepted it, `reused` when from a resumed record."""

    finding: Finding
    waiver: Signed | None = None
    reused: bool = False

    @property
    def status(self) -> Status:
        return self.finding.status

    @property
    def weight(self) -> int:
        """Return how much it counts in its item: a waived finding counts as a warning."""
        return ORDER.index(Status.WARN if self.waiver else self.status)


@dataclass(frozen=True)
class Answers:
    """Hold an item with its findings; the worst one decides."""

    item: Item
    answered: tuple[Answered, ...]

    @property
    def worst(self) -> Answered:
        return max(self.answered, key=lambda one: one.weight)


@dataclass(frozen=True)
class Walked:
    """Hold a walk's result. `note` says why a record that was to be resumed could not be, else ""."""

    checklist: Checklist
    identity: Identity
    rows: tuple[Answers, ...]
    record: Path
    head: str
    note: str = ""

    def count(self, status: Status) -> int:
        """Return how many checks ended with this status and were not waived."""
        return sum(one.status is status and one.waiver is None for row in self.rows for one in row.answered)

    @property
    def waived(self) -> int:
        return sum(one.waiver is not None for row in self.rows for one in row.answered)

    @property
    def exit_code(self) -> int:
        if self.count(Status.FAIL):
            return 4
        return 9 if self.count(Status.MANUAL) else 0


def walk(
    checklist: Checklist,
    subject: Subject,
    identity: Identity,
    how: Walk,
    checks: Mapping[str, Check] | None = None,
) -> Walked:
    """Check every item. The record is finished once nothing is open and nothing fails; until then it can be resumed."""
    directory, known_checks = subject.records, checks_of(subject.view) if checks is None else checks
    record, known, note = _open(directory, identity, how.resume)
    step = _Steps(subject, identity, how, record, directory)
    rows = []
    with measured_once():
        for item in checklist.items:
            answered = tuple(step.one(item, known_checks[name], known.get(name)) for name in item.checks)
            rows.append(Answers(item, answered))
    walked = Walked(checklist, identity, tuple(rows), record.path, record.head, note)
    if walked.exit_code == 0:
        record.append("end", how="done")
    return replace(walked, head=record.head)


@dataclass(frozen=True)
class _Steps:
    """Hold what every step of one walk needs."""

    subject: Subject
    identity: Identity
    how: Walk
    record: Record
    directory: Path

    def one(self, item: Item, check: Check, known: Answered | None) -> Answered:
        if known is not None:
            self.how.emit(Checked(known.finding))
            return known
        finding = ask(check, self.subject, self.how.emit)
        self.record.append("finding", item=item.id, finding=asdict(finding))
        if finding.status is Status.MANUAL:
            return self._signed(item, finding)
        if finding.status in (Status.FAIL, Status.WARN):
            return self._waived(item, finding)
        return Answered(finding)

    def _signed(self, item: Item, finding: Finding) -> Answered:
        signoff = self._question(item, finding, waiver=False)
        if signoff is None:
            return Answered(finding)
        signed = signoffs.sign(self.directory, finding.check, "", self.identity.code, signoff)
        finding = signed_finding(signed)
        self.record.append("signoff", item=item.id, signed=asdict(signed), finding=asdict(finding))
        self.how.emit(Checked(finding))
        return Answered(finding)

    def _waived(self, item: Item, finding: Finding) -> Answered:
        code = self.identity.code
        waiver = signoffs.holding(self.directory, finding.check, finding.says, code)
        if waiver is None:
            signoff = self._question(item, finding, waiver=True)
            if signoff is None:
                return Answered(finding)
            waiver = signoffs.sign(self.directory, finding.check, finding.says, code, signoff)
        self.record.append("waiver", item=item.id, check=finding.check, signed=asdict(waiver))
        return Answered(finding, waiver)

    def _question(self, item: Item, finding: Finding, *, waiver: bool) -> SignOff | None:
        if not self.how.interactive:
            return None
        lang = self.how.lang
        return self.how.ask(
            Question(
                item=item,
                finding=finding,
                waiver=waiver,
                title=words.title(finding.check, lang),
                why=words.why(finding.check, lang),
                says=words.says(finding, lang),
                hint=words.hint(finding, lang) if waiver else "",  # a manual item's hint: to sign, as happens now
            )
        )


def _open(directory: Path, identity: Identity, resume: bool) -> tuple[Record, dict[str, Answered], str]:
    """Return the record to write to, the findings by check that it settles already, and why resuming failed."""
    if not resume:
        return Record.begin(directory, identity), {}, ""
    newest = next((p for p in records(directory) if p.stem.endswith(f"Z-{identity.checklist}")), None)
    verdict = verify(newest) if newest else None
    void = _void(verdict, identity)
    if verdict is None or void:
        return Record.begin(directory, identity), {}, void
    try:
        return Record(verdict.path, verdict.head), _settled(verdict), ""
    except (KeyError, TypeError, ValueError):  # the last line may be edited without breaking the chain
        return Record.begin(directory, identity), {}, f"{verdict.path.name} is damaged: it holds no findings of ours"


def _void(verdict: Verdict | None, identity: Identity) -> str:
    if verdict is None:
        return "there is no record to go on with"
    name = verdict.path.name
    if verdict.problem:
        return f"{name} is damaged: {verdict.problem}"
    if verdict.finished:
        return f"{name} is finished"
    changed = identity.changed_since(verdict.header)
    if changed:
        return f"{name} is void: the {changed} changed since"
    if ahead(verdict.header["at"]):
        return f"{name} is void: it is dated in the future"
    age = datetime.now(UTC) - datetime.fromisoformat(verdict.header["at"])
    return f"{name} is void: it is older than 24 hours" if age > TOO_OLD else ""


def _settled(verdict: Verdict) -> dict[str, Answered]:
    """Return the findings to reuse, by check. What failed, is open, signed or waived is asked again: it may differ."""
    last = {}
    for entry in verdict.entries:
        if "finding" in entry:
            finding = finding_from_json(entry["finding"])
            last[finding.check] = Answered(finding, reused=True)
        elif entry["record"] == "waiver":
            last.pop(entry["check"], None)
    done = (Status.PASS, Status.SKIP, Status.WARN)
    return {name: one for name, one in last.items() if one.status in done and one.finding.says != "manual.signed"}


def finding_from_json(raw: Mapping[str, Any]) -> Finding:
    return Finding(**{**raw, "status": Status(raw["status"])})
