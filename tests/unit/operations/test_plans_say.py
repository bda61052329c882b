"""What a plan says serves now is what serves: when the change fails, the operator is told that it serves still."""

from pathlib import Path

import pytest

from decodeat_ops.core.layout import Layout
from decodeat_ops.operations import lifecycle
from decodeat_ops.settings.schema import Loaded
from tests.unit.operations.test_plans import NOW, loaded, observed, release, without_a_supervisor

__all__ = ["loaded"]


def said(plan: object) -> str:
    return dict(plan.facts)["serves now"]  # type: ignore[attr-defined, no-any-return]


def test_a_start_begins_with_nothing_unless_it_runs_on_without_a_supervisor(loaded: Loaded) -> None:
    for seen in (observed(release(1), stopped=True), observed(release(1), alive=False)):
        assert said(lifecycle.plan_start(seen, loaded, secrets="s", inputs="i")) == "nothing"
    seen = without_a_supervisor(release(1))
    assert said(lifecycle.plan_start(seen, loaded, secrets="s", inputs="i")) == release(1).id


@pytest.mark.parametrize("stopped", [True, False])
def test_a_restart_of_what_is_stopped_begins_with_nothing(loaded: Loaded, tmp_path: Path, stopped: bool) -> None:
    seen = observed(release(1), stopped=stopped)
    plan = lifecycle.plan_restart(seen, loaded, Layout(tmp_path), secrets="s", by="me", now=NOW, inputs="i")
    assert said(plan) == ("nothing" if stopped else release(1).id)
