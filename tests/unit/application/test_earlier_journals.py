"""Test that a change which an earlier version began is finished, and its outcome says what it always said."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops import archive
from decodeat_ops.application import backups, verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.archive import Member
from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.engine.journal import records, unfinished
from tests.unit.archive.forge import BLANK
from tests.unit.checks.stage import NEW, Stage

TOML = "settings/decodeat-ops.toml"


def cut(step: str) -> Change:
    """Return a change that is stopped when this step begins."""

    def emit(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == step:
            raise KeyboardInterrupt

    return Change(emit=emit)


def as_earlier(journals: Path, step: str, *new: str) -> None:
    """Write the open journal as an earlier version did: that step has no such parameters, and produces nothing."""
    path = unfinished(journals)
    assert path is not None
    lines: list[dict[str, Any]] = list(records(path))
    for one in lines[0]["plan"]["steps"]:
        if one["id"] == step:
            one["produces"] = []
            for name in new:
                del one["do"]["params"][name]
    for line in lines[1:]:
        if line["record"] == "done" and line["step"] == step:
            line["results"] = {name: value for name, value in line["results"].items() if name not in new}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def interrupted(change: Callable[[Change], Outcome], step: str) -> None:
    with pytest.raises(Interrupted):
        change(cut(step))


@pytest.mark.parametrize("step", ["remove-state", "leave-environments"])
def test_a_removal(stage: Stage, step: str) -> None:
    stage.release(NEW)
    foretold = dict(verbs.remove(stage.desk, Change(dry_run=True)).data["plan"]["facts"])["stays"]
    interrupted(lambda change: verbs.remove(stage.desk, change), step)
    as_earlier(stage.layout.journals, "remove-state", "stays")
    outcome = verbs.resume(stage.desk, Change())
    assert outcome.data["stays"] == foretold
    assert str(stage.layout.data) in foretold and str(stage.home / "environments") in foretold
    assert not stage.layout.journals.exists()


@pytest.mark.parametrize("partial", [(), ("a.log could not be read", "b.log could not be read")])
def test_a_restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partial: tuple[str, ...]) -> None:
    """On a machine without settings it is gone on with by the same command, with the archive it began with."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "archived.toml").write_text('name = "tested"\n')
    blank = replace(BLANK, deployment="tested-production", settings={TOML: "decodeat-ops.toml"}, partial=partial)
    path = tmp_path / f"{BLANK.snapshot}.tar.zst"
    archive.write(path, blank, [Member(TOML, tmp_path / "archived.toml")])
    loaded, held = backups.settings_for_restore(home / "decodeat-ops.toml", None, path)

    def restore(change: Change) -> Outcome:
        return backups.restore(loaded, change, "latest", ("settings",), path, held=held)

    interrupted(restore, "settings")
    as_earlier(layout_of(loaded).journals, "unpack", "parts", "lacks", "passed")
    outcome = restore(Change())
    assert outcome.summary == f"Restored settings from {BLANK.snapshot}."
    assert outcome.warnings == (("archive lacks: a.log could not be read; b.log could not be read",) if partial else ())
    assert (home / "decodeat-ops.toml").exists()
