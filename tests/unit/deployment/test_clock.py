"""Test that a clock that was once wrong doesn't decide what is newest, fresh or interrupted."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decodeat_ops.application.state import ago
from decodeat_ops.core.check import Status
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.release import previous
from decodeat_ops.deployment import snapshots
from decodeat_ops.deployment.observed import observe
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.engine.executor import Context
from decodeat_ops.engine.journal import Journal, ordered, unfinished
from decodeat_ops.operations import deploy, rollback
from decodeat_ops.targets.local.release_actions import prune, remove_state
from decodeat_ops.targets.local.steps import beyond_retention
from tests.unit.archive.forge import BLANK
from tests.unit.checks.stage import Stage
from tests.unit.checks.test_backups import ask
from tests.unit.operations.test_restore_choice import make

PLAN = Plan("deploy", "tested", "s1", (Step("one", "One", Action("mark")),))


def moment(**away: float) -> datetime:
    return datetime.now(UTC) + timedelta(**away)


def stamp(when: datetime) -> str:
    return f"{when:%Y%m%dT%H%M%SZ}"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


class TestJournals:
    def test_one_left_open_is_seen_behind_a_later_one_from_the_future(self, tmp_path: Path) -> None:
        future = tmp_path / f"{moment(days=365):%Y%m%dT%H%M%S.%fZ}-backup.jsonl"  # named as in earlier versions
        journal = Journal.begin(tmp_path, PLAN)
        journal.end("done")
        journal.path.rename(future)
        left_open = Journal.begin(tmp_path, PLAN)
        left_open.close()
        assert unfinished(tmp_path) == left_open.path

        # The last version named journals by the clock alone, so that the open one comes first.
        legacy = tmp_path / f"{moment():%Y%m%dT%H%M%S.%fZ}-deploy.jsonl"
        left_open.path.rename(legacy)
        assert unfinished(tmp_path) == legacy

    def test_they_are_in_the_order_in_which_they_were_begun(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Clock(datetime):
            away = timedelta()

            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return datetime.now(UTC) + cls.away

        monkeypatch.setattr("decodeat_ops.engine.journal.datetime", Clock)
        begun = [tmp_path / "20261124T020000.000000Z-deploy.jsonl"]
        Journal.begin(tmp_path, PLAN).path.rename(begun[0])
        for days in (0, 365, 0, -365):
            Clock.away = timedelta(days=days)
            journal = Journal.begin(tmp_path, PLAN)
            journal.end("done")
            begun.append(journal.path)
        assert ordered(tmp_path) == begun

    def test_a_thousand_that_have_ended_are_not_read_from_end_to_end(self, tmp_path: Path) -> None:
        journal = Journal.begin(tmp_path, PLAN)
        for _ in range(200):
            journal.step("begun", "one")
        journal.end("done")
        content = b"no record of ours\n" + journal.path.read_bytes()
        for number in range(1000):
            (tmp_path / f"20260101T000000.{number:06}Z-deploy.jsonl").write_bytes(content)
        assert unfinished(tmp_path) is None


def kept(stage: Stage, name: str, **changed: object) -> LocalRelease:
    """Make a release on disk with that id."""
    made = stage.release(name)
    told = {**made.as_json(), **changed}
    stage.layout.manifest(name).write_text(json.dumps(told))
    return replace(made, **changed)  # type: ignore[arg-type]


class TestReleases:
    def test_a_jump_of_ten_years_costs_nothing(self) -> None:
        taken = frozenset({f"{stamp(moment(days=3650))}-aaaaaaa"})
        now = moment()
        before = time.process_time()
        assert deploy.free_id(now, "f" * 64, taken) == f"{stamp(now)}-fffffff"
        assert time.process_time() - before < 1

    def test_the_last_one_made_is_the_newest_whatever_its_name_says(self, stage: Stage) -> None:
        future, past = f"{stamp(moment(days=365))}-aaaaaaa", f"{stamp(moment(days=-1))}-bbbbbbb"
        earlier = kept(stage, future, fingerprint="1" * 64)  # made by a version without numbers
        later = kept(stage, past, fingerprint="2" * 64, sequence=1)
        stage.activate(later)
        observed = observe(stage.machine.store)
        assert [release.id for release in observed.releases] == [past, future]
        assert observed.next_sequence == 2
        assert previous(later, observed.releases) == earlier
        assert rollback.choose(None, observed) == earlier
        assert beyond_retention(replace(later, id="x", sequence=2, fingerprint="x" * 64), observed, 2) == [future]

    def test_data_that_was_left_is_the_one_that_served_last(self, stage: Stage) -> None:
        future, past = f"{stamp(moment(days=365))}-aaaaaaa", f"{stamp(moment(days=-1))}-bbbbbbb"
        for name in (future, past):
            stage.layout.generation(name).mkdir(parents=True)
            kept(stage, name)
        data = stage.layout.release_data(past)
        data.unlink(missing_ok=True)
        data.symlink_to(f"../../data/{past}")
        stage.layout.stopped.symlink_to(f"releases/{past}")
        names = [stage.layout.stopped.name, stage.layout.releases.name]
        for _ in range(2):
            remove_state(stage.machine, Context(), {"names": names})
            assert observe(stage.machine.store).left == past
        stage.layout.releases.mkdir()
        prune(stage.machine, Context(), {"releases": []})
        assert list(stage.layout.data.iterdir()) == []


class TestSnapshots:
    def both(self, directory: Path) -> tuple[str, str]:
        future, real = f"{stamp(moment(days=365))}-0001", f"{stamp(moment(hours=-2))}-0002"
        for snapshot in (future, real):
            make(directory, snapshot)
        return future, real

    def test_the_newest_is_the_newest_real_one(self, tmp_path: Path) -> None:
        future, real = self.both(tmp_path)
        directory = tmp_path / "backups"
        assert snapshots.choose("latest", directory).id == real
        assert snapshots.choose(future, directory).id == future  # it can still be chosen by name
        chosen, _, passed = snapshots.newest_usable(directory, BLANK.deployment)
        assert chosen.id == real
        assert passed == (f"{future}: it {snapshots.FUTURE}.",)

    def test_none_but_from_the_future(self, tmp_path: Path) -> None:
        _, real = self.both(tmp_path)
        directory = tmp_path / "backups"
        (directory / f"{real}.tar.zst").unlink()
        with pytest.raises(Usage, match="dated in the future"):
            snapshots.choose("latest", directory)
        assert snapshots.newest(directory) is None

    def test_a_few_seconds_are_no_future(self, tmp_path: Path) -> None:
        soon = f"{stamp(moment(seconds=60))}-0001"
        make(tmp_path, soon)
        assert snapshots.choose("latest", tmp_path / "backups").id == soon

    def test_it_is_never_fresh(self, stage: Stage) -> None:
        release = stage.release(f"{stamp(moment(days=-3))}-bbbbbbb")
        stage.activate(release)
        stage.machine.archives.mkdir()
        (stage.machine.archives / f"{stamp(moment(days=365))}-0001.tar.zst").touch()
        found = ask("backups.recent", stage.subject())
        assert (found.status, found.says) == (Status.FAIL, "backups.ahead")
        assert ask("backups.restorable", stage.subject()).says == "backups.ahead"


def test_how_long_ago_the_future_is() -> None:
    assert ago(moment(days=365, seconds=60).isoformat()) == "365 d in the future"
    assert ago(moment(seconds=20).isoformat()) == "0 s ago"
    assert ago(moment(hours=-3).isoformat()) == "3 h ago"
