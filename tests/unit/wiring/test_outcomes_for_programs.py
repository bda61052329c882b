"""What a program reads in an outcome is a value of its own, not a sentence made for people."""

from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.archive import Member
from decodeat_ops.core.outcome import Facts
from decodeat_ops.wiring import backups, state
from decodeat_ops.wiring.corridor import Change
from tests.unit.archive.forge import BLANK
from tests.unit.checks.stage import Stage, serving

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
