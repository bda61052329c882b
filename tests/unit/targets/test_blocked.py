"""Test that the advice about a release that the supervisor can't start follows from what it knows, not its words."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.store import Supervised, Supervisor
from decodeat_ops.targets.local import readiness
from tests.unit.checks.stage import NEW


@pytest.mark.parametrize(
    ("no_port", "problem", "hint"),
    [
        (True, "the address 127.0.0.1:8000 is in use", "Stop the program that listens there"),
        (False, "can't listen on what its unit names", "The supervisor's own log is "),
    ],
)
def test_the_hint_follows_from_what_is_wrong(tmp_path: Path, no_port: bool, problem: str, hint: str) -> None:
    known = Supervised("blocked", problem=problem, no_port=no_port)
    store = SimpleNamespace(supervisor=lambda: Supervisor(alive=True, releases={NEW: known}))
    machine = cast(Machine, SimpleNamespace(store=store, layout=Layout(tmp_path)))
    with pytest.raises(StepFailed, match=problem) as caught:
        readiness._watch_for_crash(machine, NEW, 0, readiness.TROUBLE_SECONDS + 1)
    assert caught.value.advice.hint.startswith(hint)
