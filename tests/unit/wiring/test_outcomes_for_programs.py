"""What a program reads in an outcome is a value of its own, not a sentence made for people."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.archive import Member
from decodeat_ops.core.outcome import Facts
from decodeat_ops.wiring import backups, state
from decodeat_ops.wiring.corridor import Change
from tests.unit.archive.forge import BLANK
from tests.unit.checks.stage import OLD, Stage, serving

TOML = "settings/decodeat-ops.toml"


def test_a_restore_where_nothing_was_deployed_names_no_backup_before_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    settings = tmp_path / "decodeat-ops.toml"
    settings.write_text('[local]\nstate_dir = "state"\n')
    path = tmp_path / f"{BLANK.snapshot}.tar.zst"
    blank = replace(BLANK, deployment=stage.loaded.deployment, settings={TOML: settings.name})
    archive.write(path, blank, [Member(TOML, settings)])
    restored = backups.restore(stage.loaded, Change(), "latest", ("settings",), path)
    assert (restored.exit_code, restored.data["before"]) == (0, "")


@pytest.mark.parametrize(
    ("lacks", "shown"),
    [("", ("healthy, ready", "good")), ("no redis", ("healthy, ready, but cache: no redis", "warn"))],
)
def test_what_a_ready_release_lacks_is_a_warning(stage: Stage, lacks: str, shown: tuple[str, str]) -> None:
    with serving(stage, lacks=lacks):
        block = state.status(stage.loaded).blocks[0]
    assert isinstance(block, Facts)
    assert dict(block.pairs)["health"] == shown


def test_a_backup_that_was_never_made_is_missed_though_the_first_releases_are_gone(stage: Stage) -> None:
    """Releases of today alone are kept; the data that they serve has the name of the first."""
    today = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-ccccccc"
    release = replace(stage.release(today), created_at=datetime.now(UTC).isoformat(timespec="seconds"))
    for data, missed in ((today, False), (OLD, True)):
        stage.layout.manifest(today).write_text(json.dumps(replace(release, data=data).as_json()))
        stage.activate(release)
        assert ("there has never been a backup" in state.status(stage.loaded).data["problems"]) is missed
