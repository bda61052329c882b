"""Test what the doctor reports about the language model, from the answer of the service's own code."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from decodeat_ops.adapters.direct_http import DirectHttp
from decodeat_ops.adapters.this_machine import ThisMachine
from decodeat_ops.checks.run import run
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Completed
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.targets.local import view
from tests.unit.checks.stage import Stage

KEY = "AIza-a-very-secret-value"


def ask(stage: Stage, main: str) -> Finding:
    package = stage.package("source", "a = 1\n")
    (package / "__main__.py").write_text(main)
    stage.environment(package)
    stage.settings = {"service": {"environment": {"LIMIT": 5}, "secrets": {"GEMINI_API_KEY": "env:KEY"}}}
    stage.secrets = {"GEMINI_API_KEY": KEY}
    (finding,) = run(("machine.model",), stage.subject())
    return finding


def telling(used: bool, *codes: str) -> str:
    """Return a service that gives this answer, but only to the right command."""
    findings = [{"code": code, "text": f"About {code}."} for code in codes]
    report = {"format": 1, "ok": True, "used": used, "model": "gemini-x", "findings": findings}
    return (
        "import os, sys\nassert sys.argv[1:] == ['--check-model', '--json']\n"
        f"assert os.environ['GEMINI_API_KEY'] == {KEY!r}\nprint({json.dumps(report)!r})\n"
    )


@pytest.mark.parametrize(
    ("codes", "status", "says"),
    [
        ((), Status.PASS, "machine.model_ok"),
        (("model_gone",), Status.FAIL, "machine.model_gone"),
        (("refused",), Status.FAIL, "machine.model_refused"),
        (("model_ending", "key_ending"), Status.WARN, "machine.model_ending"),
        (("key_ending",), Status.WARN, "machine.model_key"),
        (("unasked", "model_ending"), Status.WARN, "machine.model_ending"),
        (("unasked",), Status.WARN, "machine.model_unasked"),
    ],
)
def test_the_worst_is_said_and_the_hint_has_all(
    stage: Stage, codes: tuple[str, ...], status: Status, says: str
) -> None:
    found = ask(stage, telling(True, *codes))
    assert (found.status, found.says) == (status, says)
    assert found.evidence["told"] == " ".join(f"About {code}." for code in codes)
    assert KEY not in json.dumps(found.evidence)


def test_a_service_without_a_model_has_nothing_to_say(stage: Stage) -> None:
    assert ask(stage, telling(False)).says == "machine.model_unused"


@pytest.mark.parametrize("main", ["raise SystemExit(2)\n", "print('usage: ...')\n", "print('[]')\n"])
def test_a_release_that_does_not_know_the_question(stage: Stage, main: str) -> None:
    found = ask(stage, main)
    assert (found.status, found.says) == (Status.SKIP, "machine.model_unsaid")


def test_an_answer_that_does_not_come_is_a_warning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google may be out of reach from here: that says nothing about the release."""
    monkeypatch.setattr(view, "ANSWER_SECONDS", 0.5)
    found = ask(stage, "import time; time.sleep(600)\n")
    assert (found.status, found.says) == (Status.WARN, "machine.model_unasked")
    assert "0.5 s" in str(found.evidence["told"])


@pytest.mark.parametrize("check", ["machine.model", "environment.valid"])
def test_code_that_is_missing_is_told_as_that(stage: Stage, check: str) -> None:
    stage.settings = {"service": {"source": "elsewhere", "secrets": {"GEMINI_API_KEY": "env:KEY"}}}
    (found,) = run((check,), stage.subject())
    assert (found.status, found.says) == (Status.FAIL, "probe.stopped")
    assert "There is no package decodeat/" in str(found.evidence["problem"])


def test_the_service_has_half_a_minute_to_answer(stage: Stage) -> None:
    asked: list[float] = []

    class Busy(ThisMachine):
        def run(self, argv: Sequence[str], *, timeout: float = 60.0, **options: Any) -> Completed:
            asked.append(timeout)
            raise Unreachable(f"{argv[0]} did not end within {timeout:g} s.")

    stage.environment(stage.package("source", "a = 1\n"))
    busy = view.LocalView(Machine(stage.loaded, Busy(), DirectHttp()), {})
    for words in (("--check-env",), ("--check-model",)):
        with pytest.raises(Unreachable):
            busy.service(None, *words)
    assert asked == [30.0, 30.0]
