"""Test that a change which clears staging leaves the directory of a running check, and deletes that of a killed one."""

import os
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import scratch
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local.release_actions import prune
from tests.unit.checks.stage import NEW, Stage


def test_a_running_check_keeps_its_directory(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with scratch.lent(layout) as place:
        (place / "copy").write_text("half a backup")
        (layout.staging / "half-made").mkdir()
        (layout.staging / "file").touch()
        scratch.clear(layout)
        assert list(layout.staging.iterdir()) == [place]
        assert (place / "copy").exists()
    assert not any(layout.staging.iterdir())


def test_what_a_killed_check_left_goes(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.staging / f"{scratch.PREFIX}killed").mkdir(parents=True)
    (layout.staging / f"{scratch.PREFIX}link").symlink_to(tmp_path)
    (layout.staging / f"{scratch.PREFIX}file").touch()
    scratch.clear(layout)
    assert not any(layout.staging.iterdir())


def test_what_is_no_directory_was_lent_to_no_check(tmp_path: Path) -> None:
    """A link is not followed to what somebody else has locked, and a pipe is not waited for."""
    layout = Layout(tmp_path)
    with scratch.lent(layout) as place:
        (layout.staging / f"{scratch.PREFIX}link").symlink_to(place)
        os.mkfifo(layout.staging / f"{scratch.PREFIX}pipe")
        scratch.clear(layout)
        assert list(layout.staging.iterdir()) == [place]


def test_the_last_step_of_a_deploy_ends_no_check(stage: Stage) -> None:
    stage.release(NEW)
    with scratch.lent(stage.layout) as place:
        prune(stage.machine, Context(), {"releases": []})
        assert place.exists()
