"""A walk through a checklist: what it asks, what it remembers, when it goes on and when it starts afresh."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from decodeat_ops.checks import junit, report
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.record import Identity, records, verify
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.checks.subject import Subject
from decodeat_ops.checks.walk import Question, Walk, Walked, walk
from decodeat_ops.core.check import Check, Checklist, Finding, Item, Status
from decodeat_ops.core.events import Checked, Event
from decodeat_ops.core.outcome import Lines, Table
from tests.unit.checks.stage import Stage

IDENTITY = Identity("pre-deploy", "r1", "c1", "s1", "h1", "0.1.0")
LIST = Checklist(
    "pre-deploy",
    (Item("pre.tests", 1, ("tests.recorded",)), Item("pre.security", 7, ("security.user", "security.review"))),
)


def _sound(check: str) -> Finding:
    return answer(check, Status.PASS, "security.not_root", uid=1000)


class Bench:
    """Checks whose answers a test sets; `asked` counts how often each was asked."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.answers: dict[str, Finding] = {
            "tests.recorded": _sound("tests.recorded"),
            "security.user": _sound("security.user"),
            "security.review": answer("security.review", Status.MANUAL, "manual.open", code="c1"),
        }
        self.asked: list[str] = []
        self.events: list[Event] = []
        self.questions: list[Question] = []

    def _probe(self, name: str) -> Callable[[Subject], Finding]:
        def probe(subject: Subject) -> Finding:
            self.asked.append(name)
            return self.answers[name]

        return probe

    def walk(
        self,
        *,
        resume: bool = False,
        signoff: SignOff | None = None,
        interactive: bool = True,
        identity: Identity = IDENTITY,
    ) -> Walked:
        def ask(question: Question) -> SignOff | None:
            self.questions.append(question)
            return signoff

        checks = {name: Check(name, self._probe(name)) for name in self.answers}
        how = Walk(resume=resume, interactive=interactive, ask=ask, emit=self.events.append)
        return walk(LIST, self.stage.subject(), identity, how, checks)

    def fails(self, check: str) -> None:
        self.answers[check] = answer(check, Status.FAIL, "tests.none", file="x.json")

    def warns(self, check: str) -> None:
        self.answers[check] = answer(check, Status.WARN, "security.root", uid=0)

    def signed(self) -> None:
        self.answers["security.review"] = _sound("security.review")


@pytest.fixture
def bench(stage: Stage) -> Bench:
    return Bench(stage)


SIGNED = SignOff("Kim", "read it all", 30)


def test_all_done(bench: Bench) -> None:
    bench.signed()
    walked = bench.walk()
    assert walked.exit_code == 0
    verdict = verify(walked.record)
    assert (verdict.problem, verdict.finished, verdict.head) == ("", True, walked.head)
    assert [e["record"] for e in verdict.entries] == ["header", "finding", "finding", "finding", "end"]
    assert bench.questions == []


def test_an_open_manual_item_waits(bench: Bench) -> None:
    walked = bench.walk(interactive=False)
    assert (walked.exit_code, bench.questions) == (9, [])
    assert walked.rows[1].worst.status is Status.MANUAL
    assert not verify(walked.record).finished


def test_a_person_signs(bench: Bench) -> None:
    walked = bench.walk(signoff=SIGNED)
    assert walked.exit_code == 0
    assert [(q.finding.check, q.waiver) for q in bench.questions] == [("security.review", False)]
    assert bench.questions[0].title == "Review by a person"
    last = [e.finding for e in bench.events if isinstance(e, Checked)][-1]
    assert (last.status, last.evidence["operator"]) == (Status.PASS, "Kim")
    assert verify(walked.record).entries[-2]["signed"]["reason"] == "read it all"


def test_failing_wins_over_open(bench: Bench) -> None:
    bench.fails("tests.recorded")
    assert bench.walk(interactive=False).exit_code == 4


def test_warnings_are_allowed(bench: Bench) -> None:
    bench.signed()
    bench.warns("security.user")
    walked = bench.walk(interactive=False)
    assert (walked.exit_code, walked.count(Status.WARN)) == (0, 1)


def test_a_waived_failure_counts_no_more_but_stays_to_be_seen(bench: Bench) -> None:
    bench.signed()
    bench.fails("tests.recorded")
    walked = bench.walk(signoff=SIGNED)
    assert (walked.exit_code, walked.waived, walked.count(Status.FAIL)) == (0, 1, 0)
    assert walked.rows[0].worst.status is Status.FAIL
    assert bench.questions[0].waiver
    again = bench.walk(interactive=False)
    assert (again.exit_code, again.waived) == (0, 1)
    assert again.rows[0].worst.waiver is not None
    bench.answers["tests.recorded"] = answer("tests.recorded", Status.FAIL, "tests.empty", file="x")
    assert bench.walk(interactive=False).exit_code == 4, "a waiver covers one finding, not the check"
    bench.fails("tests.recorded")
    other_code = replace(IDENTITY, code="c2")
    assert bench.walk(interactive=False, identity=other_code).exit_code == 4


def test_resume_asks_only_what_is_open_or_failed(bench: Bench) -> None:
    bench.fails("tests.recorded")
    first = bench.walk(interactive=False)
    bench.asked.clear()
    bench.answers["tests.recorded"] = _sound("tests.recorded")
    second = bench.walk(resume=True, signoff=SIGNED)
    assert bench.asked == ["tests.recorded", "security.review"]
    assert (second.exit_code, second.record, second.note) == (0, first.record, "")
    assert [one.reused for row in second.rows for one in row.answered] == [False, True, False]
    assert verify(second.record).problem == ""


def test_resume_after_a_kill_in_the_middle(bench: Bench) -> None:
    bench.walk(interactive=False)
    (path,) = records(bench.stage.layout.records)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    bench.asked.clear()
    bench.walk(resume=True, interactive=False)
    assert bench.asked == ["security.user", "security.review"]


@pytest.mark.parametrize("changed", ["release", "code", "settings", "host"])
def test_a_record_is_void_once_things_changed(bench: Bench, changed: str) -> None:
    bench.walk(interactive=False)
    bench.asked.clear()
    walked = bench.walk(resume=True, interactive=False, identity=replace(IDENTITY, **{changed: "other"}))
    assert f"void: the {changed} changed" in walked.note
    assert bench.asked == ["tests.recorded", "security.user", "security.review"]
    assert len(records(bench.stage.layout.records)) == 2


def _rewrite_age(path: Path, hours: float) -> None:
    """An old record, made by hand: the header's time changed and the chain closed again."""
    import hashlib

    lines, head = [], "0" * 64
    for line in path.read_text().splitlines():
        entry = json.loads(line) | {"prev": head}
        if entry["record"] == "header":
            entry["at"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
        lines.append(json.dumps(entry))
        head = hashlib.sha256(lines[-1].encode()).hexdigest()
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(("hours", "note"), [(23.0, ""), (25.0, "older than 24 hours")])
def test_a_record_grows_too_old(bench: Bench, hours: float, note: str) -> None:
    first = bench.walk(interactive=False)
    _rewrite_age(first.record, hours)
    walked = bench.walk(resume=True, interactive=False)
    assert note in walked.note
    assert (walked.record == first.record) is (not note)


def test_what_can_not_be_resumed_is_said(bench: Bench) -> None:
    assert "no record" in bench.walk(resume=True, interactive=False).note
    (path,) = records(bench.stage.layout.records)
    path.write_text(path.read_text().replace("PASS", "SKIP", 1))
    assert "damaged" in bench.walk(resume=True, interactive=False).note
    bench.signed()
    bench.walk()
    assert "is finished" in bench.walk(resume=True).note


def test_the_outcome_for_people_and_programs(bench: Bench) -> None:
    bench.fails("tests.recorded")
    outcome = report.walked(bench.walk(interactive=False), "en")
    assert outcome.exit_code == 4
    assert outcome.summary == "pre-deploy: 3 asked, 1 passed, 0 warned, 1 failed, 1 open, 0 skipped."
    table, todo = outcome.blocks
    assert isinstance(table, Table)
    assert table.rows[0] == ("1", "All tests pass", ("FAIL", "bad"), "No test result in x.json")
    assert table.rows[1][1:3] == ("Security review", ("MANUAL", "strong"))
    assert isinstance(todo, Lines)
    assert todo.lines[0].startswith("1. Tests of this very code: Run `make test`")
    assert outcome.next == ("decodeat-ops checklist pre-deploy --resume",)
    items = outcome.data["items"]
    assert [(i["number"], i["status"]) for i in items] == [(1, "FAIL"), (7, "MANUAL")]
    json.dumps(outcome.envelope())


def test_the_outcome_in_korean(bench: Bench) -> None:
    bench.warns("security.user")
    outcome = report.walked(bench.walk(signoff=SIGNED), "ko")
    table, todo = outcome.blocks
    assert isinstance(table, Table)
    assert isinstance(todo, Lines)
    assert table.rows[1] == ("7", "보안 설정 검토", ("WAIVED", "warn"), "root로 실행")
    assert todo.lines[0].startswith("7. 실행 사용자: Kim 승인")


def test_junit(bench: Bench) -> None:
    bench.fails("tests.recorded")
    bench.answers["security.user"] = answer("security.user", Status.SKIP, "certificate.none", target="\x00<lo&cal>")
    suite = ElementTree.fromstring(junit.xml(bench.walk(interactive=False), "en"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "2", "1")
    failure, skipped, manual = (case[0] for case in suite)
    assert (failure.tag, failure.get("type")) == ("failure", "tests.none")
    assert (skipped.tag, skipped.get("message")) == ("skipped", "The �<lo&cal> target has no TLS")
    assert (manual.tag, manual.get("type")) == ("failure", "manual")
    assert [case.get("classname") for case in suite] == ["pre-deploy.1", "pre-deploy.7", "pre-deploy.7"]


def test_a_waived_failure_is_no_failure_in_junit(bench: Bench) -> None:
    bench.fails("tests.recorded")
    suite = ElementTree.fromstring(junit.xml(bench.walk(signoff=SIGNED), "en"))
    assert suite.get("failures") == "0"
    assert "waived by Kim" in (suite[0][0].text or "")
    assert bench.walk(interactive=False).rows[0].worst.status is Status.FAIL
