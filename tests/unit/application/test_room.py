"""Test that a change asks for the room of its backup before it begins, and says which room is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from decodeat_ops.application import backups
from decodeat_ops.application.migrations import migration
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import GateFailed
from decodeat_ops.deployment import space
from tests.unit.checks.stage import NEW, Stage
from tests.unit.checks.test_way_back import at, knows

Fill = Callable[[Path], None]


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Return a function after which nothing is free in a place."""
    free = space.free

    def no_room(place: Path) -> None:
        monkeypatch.setattr(space, "free", lambda path: 0 if path == place else free(path))

    return no_room


def test_a_backup(stage: Stage, fill: Fill) -> None:
    stage.activate(stage.release(NEW))
    (stage.home / "backups").mkdir(mode=0o700)
    fill(stage.layout.staging)
    with pytest.raises(GateFailed, match=r"^A backup's working copy needs \d+ MiB at "):
        backups.backup(stage.loaded, Change())
    fill(stage.home / "backups")
    with pytest.raises(GateFailed, match=r"^A backup needs \d+ MiB at "):
        backups.backup(stage.loaded, Change())


@pytest.mark.parametrize("serves", [True, False])
def test_the_backup_before_a_migration(stage: Stage, fill: Fill, serves: bool) -> None:
    """Also where a removed deployment left its data, and nothing serves."""
    release = stage.release(NEW)
    at(stage, release, "0001")
    knows(stage.package("source", "a = 1\n"), "0001", "0002", reversible=False)
    if serves:
        stage.activate(release)
    observed = stage.desk.target.observe()
    assert observed.data == NEW
    assert migration(stage.desk, None, observed.data, observed).snapshot
    fill(stage.layout.staging)
    with pytest.raises(GateFailed, match=r"^The working copy of the backup before a migration needs \d+ MiB at "):
        migration(stage.desk, None, observed.data, observed)
    fill(stage.home / "backups")
    with pytest.raises(GateFailed, match=r"^The backup before a migration needs \d+ MiB at "):
        migration(stage.desk, None, observed.data, observed)
