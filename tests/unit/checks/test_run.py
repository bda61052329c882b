"""Running checks: timed, never raising, no secret in what was seen, shared measurements taken once."""

import json
import re
import threading
from functools import partial

import pytest

from decodeat_ops.checks import run as running
from decodeat_ops.checks import words
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.lists import CHECKLISTS, GATES
from decodeat_ops.checks.registry import COMMON, checks_of
from decodeat_ops.checks.run import run, run_together
from decodeat_ops.checks.shared import measured_once, once
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.events import Checked, Checking, Event
from tests.unit.checks.stage import Stage


def test_lists_and_gates_name_real_checks(stage: Stage) -> None:
    subject = stage.subject()
    checks = {**COMMON, **subject.view.checks}
    assert len(checks) == len(COMMON) + len(subject.view.checks), "no check is defined twice"
    named = {name for c in CHECKLISTS.values() for item in c.items for name in item.checks}
    assert named | set(subject.view.doctor) == set(checks) == set(checks_of(subject.view))
    assert [len(c.items) for c in CHECKLISTS.values()] == [9, 8]
    gates = {*GATES.before, *GATES.candidate, *GATES.after}
    assert {name for name, check in checks.items() if check.gate} == gates


def test_events_and_times(stage: Stage) -> None:
    seen: list[Event] = []
    found = run(("security.user", "certificate.valid"), stage.subject(), seen.append)
    assert [type(event) for event in seen] == [Checking, Checked, Checking, Checked]
    assert [f.check for f in found] == ["security.user", "certificate.valid"]
    assert all(f.seconds >= 0 for f in found)


def _breaks(subject: Subject) -> Finding:
    raise ZeroDivisionError("by nothing, key s3cret-value")


def _unreachable(subject: Subject) -> Finding:
    raise Unreachable("the store did not answer", hint="Try again.")


def test_a_broken_probe_is_a_failure_that_says_where(stage: Stage) -> None:
    stage.secrets = {"API_KEYS": "s3cret-value"}
    checks = {"a": Check("security.user", _breaks), "b": Check("security.user", _unreachable)}
    broken, stopped = run(("a", "b"), stage.subject(), checks=checks)
    assert (broken.status, broken.says, broken.evidence["kind"]) == (Status.FAIL, "probe.broke", "ZeroDivisionError")
    assert re.fullmatch(r"test_run\.py:\d+", broken.evidence["where"])
    assert "s3cret-value" not in json.dumps(broken.evidence)
    assert (stopped.status, stopped.says) == (Status.FAIL, "probe.stopped")
    assert words.says(stopped) == "Can't tell: the store did not answer"
    assert words.hint(stopped) == "Try again."


def test_what_gets_no_answer_is_no_failure_for_a_gate(stage: Stage) -> None:
    """A gate undoes what fails; a look that gets no answer says nothing about the release."""

    def lost(subject: Subject) -> Finding:
        raise Lost("the log got no answer.")

    checks = {"a": Check("security.user", lost), "b": Check("security.user", _unreachable)}
    assert run(("a",), stage.subject(), checks=checks)[0].says == "probe.stopped"
    with pytest.raises(Lost):
        run_together(("b", "a"), stage.subject(), checks=checks, passes=(Lost,))
    assert run_together(("b",), stage.subject(), checks=checks, passes=(Lost,))[0].says == "probe.stopped"


def test_checks_of_a_gate_run_at_once_and_are_told_in_order(stage: Stage) -> None:
    met = threading.Barrier(3)

    def waits(name: str, subject: Subject) -> Finding:
        assert met.wait(60) < 3
        return answer(name, Status.PASS, "security.root", uid=once("uid", measure))

    def measure() -> int:
        taken.append(1)
        return len(taken)

    taken: list[int] = []
    checks = {name: Check(name, partial(waits, name)) for name in "abc"}
    found = run_together(tuple("cab"), stage.subject(), checks=checks)
    assert [(one.check, one.status) for one in found] == [(name, Status.PASS) for name in "cab"] and taken == [1]
    assert [one.evidence["uid"] for one in found] == [1, 1, 1]
    with pytest.raises(KeyError):
        run_together(("no.such",), stage.subject())
    assert run_together((), stage.subject()) == ()


def test_secrets_never_stay_in_evidence(stage: Stage) -> None:
    stage.secrets = {"API_KEYS": "first-long-key-0001,second-long-key-0002"}

    def leaks(subject: Subject) -> Finding:
        nested = {"list": ["x first-long-key-0001"], "both": "first-long-key-0001,second-long-key-0002"}
        return answer("security.user", Status.FAIL, "security.root", uid="second-long-key-0002", nested=nested, n=1.5)

    (found,) = run(("a",), stage.subject(), checks={"a": Check("a", leaks)})
    assert "long-key" not in json.dumps(found.evidence)
    assert found.evidence["n"] == 1.5


def test_evidence_becomes_json(stage: Stage) -> None:
    assert running.clean({"p": stage.home, "t": (1, None), "s": {"x"}}, ()) == {
        "p": str(stage.home),
        "t": [1, None],
        "s": ["x"],
    }


def test_a_measurement_is_taken_once_in_a_run_and_anew_in_the_next() -> None:
    taken: list[int] = []

    def measure() -> int:
        taken.append(1)
        return len(taken)

    with measured_once():
        assert [once("m", measure), once("m", measure)] == [1, 1]
        with measured_once():
            assert once("m", measure) == 1
        assert once("other", measure) == 2
    with measured_once():
        assert once("m", measure) == 3
    assert once("m", measure) == 4


def test_an_unknown_check_is_a_bug(stage: Stage) -> None:
    with pytest.raises(KeyError):
        run(("no.such",), stage.subject())
