"""Given what was observed: whole plans as text, so that a change in what is done can't go by unseen."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from decodeat_ops.adapters.direct_http import DirectHttp
from decodeat_ops.adapters.this_machine import ThisMachine
from decodeat_ops.core.check import Gates
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import NO_DATA, Migration, Revision, unknown
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Candidate, Facts, Origin
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.observed import LocalObserved, instances
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.store import Supervised, Supervisor
from decodeat_ops.operations import deploy, lifecycle, rollback
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local import steps
from decodeat_ops.targets.local.boot import Boot
from decodeat_ops.targets.local.data import LocalData
from decodeat_ops.targets.local.steps import beyond_retention
from decodeat_ops.targets.local.target import Local
from tests.support.acting import Placed

NOW = datetime(2026, 3, 1, 2, 0, 0, tzinfo=UTC)
GATES = Gates(before=("disk.space",), candidate=("api.label",), after=("health.edge",))


def release(number: int, fingerprint: str = "", **changes: object) -> LocalRelease:
    made = LocalRelease(
        id=f"2026030{number}T010000Z-{number}abcdef",
        fingerprint=fingerprint or f"{number}abcdef" + "0" * 57,
        code="c0de" * 16,
        lock="10c4" * 16,
        secrets="5ec7",
        revision="",
        created_at=f"2026-03-0{number}T01:00:00+00:00",
        created_by="operator",
        origin="deploy",
        host="127.0.0.1",
        port=8000,
        data="first",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def observed(
    *releases: LocalRelease, draining: tuple[str, ...] = (), alive: bool = True, stopped: bool = False
) -> LocalObserved:
    """Newest first; the first one serves, unless it is stopped."""
    first = releases[0] if releases else None
    running = {first.id: Supervised("running", pid=7)} if first and alive and not stopped else {}
    return LocalObserved(
        active=None if stopped else first,
        stopped=first if stopped else None,
        releases=releases,
        draining=frozenset(draining),
        instances=instances(Supervisor(alive=alive, releases=running)),
        supervisor=Supervisor(alive=alive, releases=running),
    )


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n[local]\nkeep_releases = 2\n')
    return load(tmp_path / "decodeat-ops.toml", None, {})


def candidate(migration: Migration = NO_DATA, differs: Facts = (), **changes: object) -> deploy.Wanted[LocalRelease]:
    """What would be deployed; `changes` are those of the release."""
    made = release(1, "feedfee" + "0" * 57, revision="abc123", id="", created_at="", created_by="", origin="", data="")
    made = replace(made, **changes)  # type: ignore[arg-type]
    listens = (("listens on", f"{made.host}:{made.port}"),)
    found = Candidate(made, Origin("built", Path("/source/decodeat")), listens)
    return deploy.Wanted(found, inputs="in", by="operator", now=NOW, migration=migration, differs=differs)


def machine(loaded: Loaded, root: Path) -> Machine:
    """Return a machine with the state in `root`."""
    return Placed(loaded, ThisMachine(), DirectHttp(), root=root, beside=loaded.directory)


def here(loaded: Loaded, *, systemd: bool = False) -> Local:
    """Return a target whose state is beside the settings."""
    boot = Boot(systemd, system=False, directory=loaded.directory / "units")
    return Local(machine(loaded, loaded.directory / "state"), {}, boot)


def data(loaded: Loaded) -> LocalData:
    return LocalData(here(loaded).machine)


def deploying(
    seen: LocalObserved,
    loaded: Loaded,
    wanted: deploy.Wanted[LocalRelease] | None = None,
    *,
    gates: Gates = GATES,
    systemd: bool = False,
) -> Plan:
    target = here(loaded, systemd=systemd)
    return deploy.plan(wanted or candidate(), seen, target, data(loaded), loaded.deployment, gates)


def starting(seen: LocalObserved, loaded: Loaded, secrets: str = "s") -> Plan | None:
    return lifecycle.plan_start(seen, here(loaded), loaded.deployment, secrets=secrets, inputs="i")


def stopping(seen: LocalObserved, loaded: Loaded) -> Plan | None:
    return lifecycle.plan_stop(seen, here(loaded), loaded.deployment, inputs="i")


def removing(
    seen: LocalObserved,
    loaded: Loaded,
    present: tuple[str, ...] = (),
    keep: frozenset[str] = frozenset({"data", "backups"}),
) -> Plan:
    """Return the plan of a removal where `present` are the names in the state directory."""
    target = here(loaded)
    for name in present:
        (target.machine.layout.root / name).mkdir(parents=True, exist_ok=True)
    plan = lifecycle.plan_remove(seen, target, loaded.deployment, keep)
    assert plan is not None
    return plan


def test_a_first_deploy(loaded: Loaded) -> None:
    plan = deploying(observed(alive=False), loaded)
    assert (
        plan.text()
        == """\
deploy 20260301T020000Z-feedfee (tested-production)
  target: local, this machine
  serves now: nothing
  will serve: 20260301T020000Z-feedfee (revision abc123)
  changed: first deploy
  listens on: 127.0.0.1:8000
 1. Python environment for the service's dependencies  [environment]
      pip install --require-hashes (lock 10c410c410c4), unless it is there
      undo: drop-environment
 2. Lay out release 20260301T020000Z-feedfee  [stage]
      code c0dec0dec0de, its configuration and variables into releases/20260301T020000Z-feedfee
      undo: unstage
 3. Pre-deploy gate  [gate-pre]
      disk.space
 4. Bring the data to its schema  [migrate]
      data/20260301T020000Z-feedfee is new
      undo: unmigrate
 5. Supervisor  [supervise]
      python -m decodeat_ops.supervisor STATE_DIR
      undo: unsupervise
 6. Start 20260301T020000Z-feedfee on its private socket  [start]
      secrets resolved anew into secrets.env (0600)
      wants/20260301T020000Z-feedfee
      undo: unstart
 7. Wait until it is ready and reports its id  [probe]
      GET /health, GET /ready, POST /api/v1/analyze; at most 60 s
 8. Candidate gate, on its private socket  [gate-candidate]
      api.label
 9. Switch traffic  [switch]
      active: nothing -> 20260301T020000Z-feedfee
      undo: switch-back
10. Confirm through the public port  [confirm]
      127.0.0.1:8000 answers with release 20260301T020000Z-feedfee, ten times in a row
11. Post-deploy gate  [gate-post]
      health.edge
12. Remove what is beyond retention  [prune]
      0 releases (none); keeps 2"""
    )


def back(
    to: LocalRelease, seen: LocalObserved, loaded: Loaded, migration: Migration = NO_DATA, secrets: str = "5ec7"
) -> Plan:
    wanted = rollback.Wanted(to, secrets, inputs="in", migration=migration)
    return rollback.plan(wanted, seen, here(loaded), data(loaded), loaded.deployment)


ADDS = Revision("0003", "A column", reversible=True, lossless=True)
BREAKS = Revision("0004", "Another meaning", reversible=False, lossless=True)
LOSES = Revision("0005", "Fewer columns", reversible=False, lossless=False)


@pytest.mark.parametrize(
    ("lacks", "lines"),
    [
        ((ADDS,), ["0003 A column"]),
        ((BREAKS,), ["0004 Another meaning; NOT reversible: older releases can't store results from then on"]),
        (
            (ADDS, LOSES),
            [
                "0003 A column",
                "0005 Fewer columns; NOT reversible: older releases can't store results from then on, and taking it "
                "back loses data",
            ],
        ),
        (
            unknown(["0006"]),
            [
                "0006 (what it does is known later); NOT reversible: older releases can't store results from then on, "
                "and taking it back loses data"
            ],
        ),
    ],
)
def test_a_migration_says_what_it_does_and_what_that_means(lacks: tuple[Revision, ...], lines: list[str]) -> None:
    assert list(steps.migrate(release(1, data="first"), Migration("0002", lacks)).preview) == lines


def test_before_what_cannot_be_reversed_comes_a_backup(loaded: Loaded) -> None:
    coming = candidate(migration=Migration("0003", (BREAKS,), "20260301T020000Z-ab12"))
    plan = deploying(observed(release(1)), loaded, coming)
    first = plan.text().splitlines()
    assert "  backed up before: 20260301T020000Z-ab12: the way back, for a rollback can't cross this migration" in first
    begin = first.index(" 4. Copy the live database  [before-database]")
    assert first[begin : begin + 14] == [
        " 4. Copy the live database  [before-database]",
        "      SQLite's own backup interface; the service goes on writing",
        "      undo: backup-clean",
        " 5. Write archive 20260301T020000Z-ab12  [before-archive]",
        "      settings, release 20260301T010000Z-1abcdef, database and logs into 20260301T020000Z-ab12.tar.zst (0600)",
        "      undo: backup-remove-half",
        " 6. Read it back  [before-verify]",
        "      every checksum, and the database's integrity",
        " 7. Remove the copy  [before-clean]",
        "      staging/backup-20260301T020000Z-ab12",
        " 8. Bring the data to its schema  [migrate]",
        "      0004 Another meaning; NOT reversible: older releases can't store results from then on",
        "      undo: unmigrate",
        " 9. Supervisor  [supervise]",
    ]


def test_a_rollback_serves_todays_data_and_waits_for_what_drains(loaded: Loaded) -> None:
    old, new, draining = release(1, data="older"), release(2, data="newer"), release(3)
    seen = observed(new, old, draining=(draining.id,))
    plan = back(old, seen, loaded, Migration("0003"))
    assert (
        plan.text()
        == """\
rollback 20260301T010000Z-1abcdef (tested-production)
  serves now: 20260302T010000Z-2abcdef
  goes back to: 20260301T010000Z-1abcdef, deployed 2026-03-01T01:00:00+00:00 by operator
  brings back: code and settings; secrets are today's, data stays
 1. Python environment for the service's dependencies  [environment]
      pip install --require-hashes (lock 10c410c410c4), unless it is there
      undo: drop-environment
 2. Serve today's data  [data]
      releases/20260301T010000Z-1abcdef/data -> data/newer
      undo: share-data
 3. Wait for the draining release  [wait]
      20260303T010000Z-3abcdef finishes its last requests first
 4. Bring the data to its schema  [migrate]
      data/newer is at 0003: nothing to do
      undo: unmigrate
 5. Supervisor  [supervise]
      runs already
 6. Start 20260301T010000Z-1abcdef on its private socket  [start]
      secrets resolved anew into secrets.env (0600)
      wants/20260301T010000Z-1abcdef
      undo: unstart
 7. Wait until it is ready and reports its id  [probe]
      GET /health, GET /ready, POST /api/v1/analyze; at most 60 s
 8. Switch traffic  [switch]
      active: 20260302T010000Z-2abcdef -> 20260301T010000Z-1abcdef
      undo: switch-back
 9. Confirm through the public port  [confirm]
      127.0.0.1:8000 answers with release 20260301T010000Z-1abcdef, ten times in a row
10. Drain 20260302T010000Z-2abcdef  [drain]
      it finishes what runs, then stops; it stays on disk for rollback
11. Remove what is beyond retention  [prune]
      0 releases (none); keeps 2"""
    )


@pytest.mark.parametrize(("secrets", "waits", "preview"), [("5ec7", False, "calls it back"), ("new", True, "wants/")])
def test_a_draining_release_is_called_back_only_with_todays_secrets(
    loaded: Loaded, secrets: str, waits: bool, preview: str
) -> None:
    old, new = release(1), release(2)
    seen = observed(new, old, draining=(old.id,))
    plan = back(old, seen, loaded, secrets=secrets)
    steps = {step.id: step for step in plan.steps}
    assert ("wait" in steps) is waits
    assert preview in steps["start"].preview[1]
    assert steps["start"].do.params["secrets"] == secrets


def test_unchanged_means_the_same_code_settings_and_secrets_and_that_it_serves() -> None:
    serving = release(1, fingerprint=candidate().candidate.release.fingerprint)
    assert deploy.unchanged(candidate().candidate.release, observed(serving))
    assert not deploy.unchanged(candidate().candidate.release, observed(serving, alive=False))
    assert not deploy.unchanged(candidate().candidate.release, observed(serving, stopped=True))
    assert not deploy.unchanged(candidate(secrets="rotated").candidate.release, observed(serving))
    assert not deploy.unchanged(candidate(fingerprint="other").candidate.release, observed(serving))
    assert not deploy.unchanged(candidate().candidate.release, observed())


def test_ids_are_free_and_grow_even_within_one_second() -> None:
    first = deploy.free_id(NOW, "feedfee", frozenset())
    second = deploy.free_id(NOW, "0000000", frozenset({first}))
    third = deploy.free_id(NOW, "feedfee", frozenset({first, second}))
    assert first < second < third
    assert third == "20260301T020002Z-feedfee"


def test_a_rollback_goes_to_the_newest_older_release_made_of_something_else() -> None:
    restart = release(3, fingerprint=release(2).fingerprint)
    assert rollback.choose(None, observed(restart, release(2), release(1))) == release(1)
    assert rollback.choose("20260303", observed(release(2), restart, release(1))) == restart


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("20260309T010000Z-9abcdef", "Did you mean"),
        ("2026030", "more than one"),
        ("20260302T010000Z-2abcdef", "the one that serves"),
    ],
)
def test_a_rollback_that_can_not_be_says_why(asked: str, said: str) -> None:
    with pytest.raises(Usage) as caught:
        rollback.choose(asked, observed(release(2), release(1)))
    assert said in f"{caught.value.advice.what} {caught.value.advice.hint}"
    with pytest.raises(Usage, match="no older release"):
        rollback.choose(None, observed(release(1), release(2)))
    with pytest.raises(Usage, match="Nothing is deployed"):
        rollback.choose(None, observed())


def test_retention_never_takes_what_serves_drains_or_is_pinned() -> None:
    pinned = release(1, pinned=True)
    seen = observed(release(5), release(4), release(3), release(2), pinned, draining=(release(2).id,))
    assert beyond_retention(release(6), seen, 2) == [release(3).id, release(4).id]


def test_restarts_of_one_version_count_once_in_retention() -> None:
    """Keep an older version to roll back to after four restarts, with five kept releases."""
    first, second = release(1), release(2)
    copies = [release(number, second.fingerprint, origin="restart") for number in (3, 4, 5)]
    seen = observed(*reversed(copies), second, first)
    again = release(6, second.fingerprint, origin="restart")
    assert beyond_retention(again, seen, 2) == [second.id, copies[0].id, copies[1].id], "what served until now stays"
    assert rollback.choose(None, observed(again, first)) == first


def test_the_same_version_with_other_data_is_one_of_its_own_in_retention() -> None:
    before = release(1, data="of-before")
    restored = release(2, before.fingerprint, origin="restore:x")
    assert beyond_retention(release(3, before.fingerprint), observed(restored, before), 2) == []
    assert beyond_retention(release(4), observed(release(3), restored, before), 2) == [before.id, restored.id]


def test_start_stop_and_remove_know_when_there_is_nothing_to_do(loaded: Loaded) -> None:
    serving = observed(release(1))
    assert starting(serving, loaded) is None
    assert stopping(observed(release(1), stopped=True), loaded) is None
    with pytest.raises(Usage, match="Nothing is deployed"):
        starting(observed(), loaded)
    with pytest.raises(Usage, match="Nothing is deployed"):
        stopping(observed(), loaded)


def without_a_supervisor(
    *releases: LocalRelease, draining: tuple[str, ...] = (), stopped: bool = False
) -> LocalObserved:
    """Observe a state where supervisor and standby are dead, and every release runs on."""
    seen = observed(*releases, draining=draining, alive=False, stopped=stopped)
    return replace(seen, running=frozenset(r.id for r in releases))


def test_what_runs_without_a_supervisor_is_adopted_before_it_is_stopped(loaded: Loaded) -> None:
    seen = without_a_supervisor(release(1))
    stop = stopping(seen, loaded)
    remove = removing(seen, loaded, ("run",))
    assert stop is not None
    assert [s.id for s in stop.steps] == ["supervise", "stop-traffic", "drain", "wait-stopped"]
    assert [s.id for s in remove.steps][:4] == ["supervise", "stop-traffic", "drain", "wait-stopped"]
    assert stop.steps[0].undo is None, "an undo would end what runs"


def test_what_runs_on_after_a_stop_is_stopped(loaded: Loaded) -> None:
    plan = stopping(without_a_supervisor(release(1), stopped=True), loaded)
    assert plan is not None
    assert [s.id for s in plan.steps] == ["supervise", "drain", "wait-stopped"]


def test_a_start_leaves_what_runs_its_secrets(loaded: Loaded) -> None:
    """Keep the manifest of an adopted process, which still has the secrets that it was started with."""
    plan = starting(without_a_supervisor(release(1)), loaded, "rotated")
    assert plan is not None
    assert [s.id for s in plan.steps] == ["supervise", "probe", "confirm"]
    plan = starting(observed(release(1), alive=False), loaded, "rotated")
    assert plan is not None
    assert [s.id for s in plan.steps] == ["supervise", "start", "probe", "confirm"]


def test_a_deploy_without_a_supervisor_adopts_before_it_waits_and_never_takes_that_back(loaded: Loaded) -> None:
    seen = without_a_supervisor(release(2), release(1), draining=(release(1).id,))
    steps = deploying(seen, loaded).steps
    names = [step.id for step in steps]
    assert names.index("supervise") < names.index("wait")
    assert names.count("supervise") == 1
    assert steps[names.index("supervise")].undo is None, "an undo would end what serves"


@pytest.mark.parametrize(
    ("changes", "preview"),
    [
        ({"alive": True, "older": True, "version": "0.0.9"}, "replaces the one of version 0.0.9; what runs goes on"),
        ({"alive": False, "stuck": True, "pid": 7}, "replaces process 7, which does not answer; what runs goes on"),
    ],
)
def test_a_start_replaces_a_supervisor_that_is_older_or_silent(
    loaded: Loaded, changes: dict[str, object], preview: str
) -> None:
    seen = observed(release(1))
    supervisor = replace(seen.supervisor, **changes)  # type: ignore[arg-type]
    seen = replace(seen, supervisor=supervisor, instances=instances(supervisor), running=frozenset({release(1).id}))
    plan = starting(seen, loaded, "5ec7")
    assert plan is not None
    assert (plan.steps[0].preview, plan.steps[0].undo) == ((preview,), None)


def test_remove_keeps_data_and_backups_unless_said(loaded: Loaded) -> None:
    present = ("active", "backups", "data", "format.json", "journal", "lock", "logs", "releases", "run", "wants")

    def doomed(*kept: str) -> list[str]:
        plan = removing(observed(release(1)), loaded, present, frozenset(kept))
        assert [s.id for s in plan.steps] == ["stop-traffic", "drain", "wait-stopped", "unsupervise", "remove-state"]
        names: list[str] = plan.steps[-1].do.params["names"]
        return names

    usual = doomed("data", "backups")
    assert not {"data", "backups", "format.json", "journal", "lock"} & set(usual)
    assert {"releases", "stopped", "logs"} <= set(usual)
    assert {"data", "backups", "format.json"} <= set(doomed())


def test_retention_deletes_the_oldest_first_whatever_the_clock_said() -> None:
    """Releases are numbered: a clock that was set back gave the later ones earlier names."""
    made = [release(9 - number, sequence=number) for number in range(1, 6)]
    seen = observed(*reversed(made))
    assert beyond_retention(made[-1], seen, 2) == [one.id for one in made[:3]]
