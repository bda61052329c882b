"""What is damaged, from the future or somebody else's is said, and not taken for nothing, for new or for ours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.application import settings, state
from decodeat_ops.application.migrations import _newest_before
from decodeat_ops.archive import Member
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.migration import Revision
from decodeat_ops.deployment import snapshots, source
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.deployment.store import Store
from decodeat_ops.settings.load import load
from tests.unit.archive.forge import BLANK
from tests.unit.checks.stage import Stage


def test_a_link_that_is_none_is_not_nothing_deployed(tmp_path: Path) -> None:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n[local]\nstate_dir = "state"\n')
    loaded = load(tmp_path / "decodeat-ops.toml", None, {})
    layout = layout_of(loaded)
    layout.root.mkdir(parents=True)
    assert Store(layout).active_id() == ""
    layout.active.write_text("releases/20261101T000000Z-aaaaaaa\n")
    with pytest.raises(Configuration, match="active"):
        state.status(loaded)


def test_the_way_back_over_a_migration_is_no_archive_from_the_future(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    content = tmp_path / "content"
    content.write_bytes(b"x")
    now = datetime.now(UTC)
    made = snapshots.new_id(now - timedelta(days=1))
    for snapshot in (made, snapshots.new_id(now + timedelta(days=400))):
        blank = replace(BLANK, snapshot=snapshot, deployment=stage.loaded.deployment)
        path = stage.machine.archives / f"{snapshot}{snapshots.SUFFIX}"
        archive.write(path, blank, [Member("database/decodeat.sqlite3", content)])
    step = Revision("0002", "Another meaning", reversible=False, lossless=True)
    assert _newest_before(stage.desk, (step,)) == made


@pytest.mark.parametrize("writable", ["", "decodeat"])
def test_code_that_others_may_change_is_not_run(tmp_path: Path, writable: str) -> None:
    stage = Stage(tmp_path)
    assert source.find(stage.loaded)
    (tmp_path / "source" / writable).chmod(0o777)
    with pytest.raises(Configuration, match="may be written by others"):
        source.find(stage.loaded)


def test_settings_that_cant_be_replaced_are_still_there(tmp_path: Path) -> None:
    path = tmp_path / "decodeat-ops.toml"
    path.write_text('name = "mine"\n')
    (tmp_path / f".{path.name}.partial").mkdir()  # as good as a full disk: the new one can't be written
    with pytest.raises(Configuration, match="can't be written"):
        settings.init(path, "other", 8001, force=True, dry_run=False)
    assert path.read_text() == 'name = "mine"\n'


def test_settings_that_were_kept_are_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "decodeat-ops.toml"
    path.write_text('name = "mine"\n')
    for name in ("other", "another"):
        settings.init(path, name, 8001, force=True, dry_run=False)
    kept = sorted(tmp_path.glob("decodeat-ops.toml.bak*"))
    assert kept[0].read_text() == 'name = "mine"\n'
    assert len(kept) == 2
