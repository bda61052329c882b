"""Data that others back up is neither backed up nor restored here, and a plan says what that means."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from decodeat_ops.application import backups
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.migrations import migration
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Revision
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.release import Release
from decodeat_ops.operations import migrate
from decodeat_ops.settings.schema import Loaded
from tests.contract.memory import MemoryData
from tests.contract.world import MemoryWorld


@dataclass(frozen=True)
class Hard(MemoryData):
    """Know a second migration that can't be taken back."""

    def known(self, release: Release | None) -> tuple[Revision, ...]:
        return tuple(Revision(one, "", one == "0001", lossless=True) for one in self.source.knows)


def desk_of(home: Path, keeper: str) -> Desk:
    world = MemoryWorld(home)
    world.source.knows = ("0001", "0002")
    world.platform.data["first"] = "0001"
    desk = world.desk()
    return replace(desk, data=Hard(world.platform, world.source, home / "backups", keeper))


@pytest.mark.parametrize("keeper", ["", "the database that DATABASE_URL names"])
def test_no_backup_is_planned_before_a_migration_of_it_and_the_plan_tells(tmp_path: Path, keeper: str) -> None:
    desk = desk_of(tmp_path, keeper)
    found = migration(desk, None, "first", desk.target.observe())
    assert [step.id for step in found.lacks] == ["0002"]
    assert bool(found.snapshot) is not bool(keeper)
    ((name, text),) = migrate.facts(found, desk.data.keeper)
    assert name == ("not backed up" if keeper else "backed up before")
    assert keeper in text


def _backup(loaded: Loaded) -> Outcome:
    return backups.backup(loaded, Change())


def _restore(loaded: Loaded) -> Outcome:
    return backups.restore(loaded, Change(), "latest")


@pytest.mark.parametrize("verb", [_backup, _restore])
def test_backup_and_restore_say_who_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Loaded], Outcome]
) -> None:
    desk = desk_of(tmp_path, "the database that DATABASE_URL names")
    monkeypatch.setattr(backups, "open_desk", lambda loaded, secrets=None: desk)
    with pytest.raises(Usage, match="neither backs it up nor restores it") as raised:
        verb(desk.loaded)
    assert "decodeat-ops rollback" in raised.value.advice.hint
    assert not desk.ledger.exists()
