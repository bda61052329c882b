"""Test that a retired, retiring or replaced model is noticed, and a key of a kind that Google will refuse."""

import asyncio
import contextlib
import json
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from decodeat.analysis.label import Reading
from decodeat.deadline import Deadline
from decodeat.engines import google, models
from decodeat.engines.gemini import GeminiAnalyst
from decodeat.engines.model_check import found
from decodeat.engines.models import KeyKind
from decodeat.engines.ports import EngineFailed
from decodeat.settings import Settings
from tests.servers import gemini
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.web import variables_of_a_child

MODEL = "gemini-2.5-flash"
STANDARD, AUTH = "AIzaSyD-4f9c1b7e8812aa", "AQ.Ab8RN6K-4f9c1b7e8812aa"


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        (MODEL, MODEL, True),
        (MODEL, "gemini-2.5-flash-001", True),
        (MODEL, "gemini-2.5-flash-preview-09-2025", True),
        (MODEL, "", True),
        ("gemini-flash-latest", "gemini-3.5-flash", True),
        (MODEL, "gemini-2.5-flash-lite", False),
        (MODEL, "gemini-3.5-flash-lite", False),
        (MODEL, "gemini-2.5-pro", False),
        ("gemini-2.5-flash-lite", MODEL, False),
        ("gemini-2.5-flash", "gemini-2x5-flash", False),
    ],
)
def test_who_answered_is_compared_with_who_was_asked(asked: str, answered: str, same: bool) -> None:
    assert models.is_same(asked, answered) is same


def test_kinds_of_keys_are_told_by_their_form() -> None:
    kinds = [models.key_kind(key) for key in (STANDARD, AUTH, gemini.KEY)]
    assert kinds == [KeyKind.STANDARD, KeyKind.AUTH, KeyKind.UNKNOWN]


def codes(key: str, model: str, today: date, refusal: str = "") -> list[str]:
    config = Settings(analyzer="gemini", gemini_api_key=key, gemini_model=model)
    told = found(config, today, refusal)
    assert key not in str(told)
    return [one.code for one in told]


END = models.RETIRES[MODEL]


@pytest.mark.parametrize(
    ("key", "model", "today", "refusal", "expected"),
    [
        (AUTH, "gemini-9-flash", END, "", []),
        (AUTH, MODEL, END - timedelta(models.NOTICE_DAYS + 1), "", []),
        (AUTH, MODEL, END - timedelta(models.NOTICE_DAYS), "", ["model_ending"]),
        (AUTH, f"{MODEL}-001", END + timedelta(9), "", ["model_ending"]),
        (AUTH, f"{MODEL}-lite", END + timedelta(9), "", []),
        (AUTH, MODEL, END + timedelta(9), "model", ["model_gone"]),
        (STANDARD, "gemini-9-flash", END, "", ["key_ending"]),
        (STANDARD, "gemini-9-flash", END, "credentials", ["refused"]),
        (AUTH, "gemini-9-flash", END, "credentials", ["refused"]),
        (STANDARD, MODEL, END, "unreachable", ["unasked", "model_ending", "key_ending"]),
    ],
)
def test_what_is_wrong_or_will_be(key: str, model: str, today: date, refusal: str, expected: list[str]) -> None:
    assert codes(key, model, today, refusal) == expected


def ask(server: gemini.Gemini, key: str, model: str) -> tuple[int, dict[str, Any]]:
    variables = {"GEMINI_API_KEY": key, "GEMINI_MODEL": model, "GEMINI_ENDPOINT": server.origin}
    environment = variables_of_a_child(**variables)
    argv = (sys.executable, "-m", "decodeat", "--check-model", "--json")
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert key not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("key", "model", "status", "expected"),
    [
        (AUTH, "gemini-9-flash", 0, set()),
        (AUTH, "gemini-8-flash", 1, {"model_gone"}),
        (STANDARD, "gemini-9-flash", 1, {"refused"}),
    ],
)
def test_google_itself_is_asked_about_model_and_key(key: str, model: str, status: int, expected: set[str]) -> None:
    with gemini.gemini(gemini.says({})) as server:
        server.models, server.keys = {"gemini-9-flash"}, {AUTH}
        done, report = ask(server, key, model)
        assert server.asked == [], "asking costs nothing"
    assert (done, {one["code"] for one in report["findings"]}) == (status, expected)
    assert (report["used"], report["model"], report["ok"]) == (True, model, status == 0)
    if key == STANDARD:
        assert "AQ." in report["findings"][0]["text"]


def _count(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_an_answer_of_another_model_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Count it whatever happens to the answer itself."""
    model = "gemini-9-counted"

    async def story(origin: str, times: int) -> None:
        analyst = GeminiAnalyst(gemini.KEY, model, origin)
        assert _count("decodeat_model_mismatches_total", model=model) == 0
        for _ in range(times):
            with contextlib.suppress(EngineFailed):
                await analyst.judge([Reading(("나트륨 120mg",))], Deadline(PATIENCE))
        await analyst.close()

    answers = (gemini.says({}, version=version) for version in (model, f"{model}-001", "gemini-x", "gemini-x"))
    with gemini.gemini(*answers, gemini.blocks()) as server:
        server.models = {model}
        asyncio.run(story(server.origin, 3))
    assert len(server.asked) >= 4
    assert _count("decodeat_model_answers_total", model=model, answered=model) == 1
    assert _count("decodeat_model_answers_total", model=model, answered=f"{model}-001") == 1
    assert _count("decodeat_model_answers_total", model=model, answered="gemini-x") == 2
    assert _count("decodeat_model_mismatches_total", model=model) == 2
    assert sum("another model answers" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("key", [STANDARD, AUTH])
def test_no_kind_of_key_gets_into_the_log(key: str) -> None:
    assert google._KEY.sub("…", f"API key not valid: {key}. Pass a valid one") == "API key not valid: …" + (
        ". Pass a valid one" if key == STANDARD else " Pass a valid one"
    )
