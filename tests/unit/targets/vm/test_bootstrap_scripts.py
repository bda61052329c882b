"""The scripts of a bootstrap do what they say on a machine of their own, twice the same, and back again."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration, StepFailed, Unreachable
from decodeat_ops.core.plan import Plan
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm import bootstrap
from decodeat_ops.targets.vm.bootstrap import daemon, marks, network, packages, upgrades
from decodeat_ops.targets.vm.place import Place
from tests.support.local_remote import Cut, LocalRemote
from tests.support.own_machine import OwnMachine, complaints, programs, ran
from tests.unit.targets.vm.bare import place

MARK = "m1"
# A small Docker: it answers once it was started, and writes down what it was told.
DOCKER = """
echo "docker $*" >>"$PLAYED/log"
case "$*" in
  "version "*) [ -e "$PLAYED/up" ] || { echo "Cannot connect to the Docker daemon"; exit 1; }; echo 26.1.5;;
  "compose version --short") echo 2.26.1;;
  "compose version") ;;
  "info --format {{.ContainersRunning}}") cat "$PLAYED/running" 2>/dev/null || echo 0;;
  "info --format {{.LiveRestoreEnabled}}") grep -q live-restore /etc/docker/daemon.json && echo true;;
  info*) [ -e "$PLAYED/up" ] && echo local true inactive 0 /var/lib/docker;;
  "network inspect"*) [ -e "$PLAYED/network" ];;
  "network create"*) : >"$PLAYED/network";;
  "network ls"*) [ -e "$PLAYED/network" ] && echo abc;;
  "network rm"*) rm "$PLAYED/network";;
esac
"""
SERVICE = 'echo "service $*" >>"$PLAYED/log"; [ ! -e "$PLAYED/broken" ] && : >"$PLAYED/up"\n'
APT = 'echo "apt-get $*" >>"$PLAYED/log"; [ ! -e "$PLAYED/closed" ] || { echo "E: closed"; exit 100; }\n'
DPKG = 'grep -sx "apt-get.*install.*$4.*" "$PLAYED/log" >/dev/null && echo installed\n'


@pytest.fixture
def played(tmp_path: Path) -> Path:
    made = tmp_path / "played"
    made.mkdir()
    return made


@pytest.fixture
def machine(tmp_path: Path, played: Path) -> Iterator[OwnMachine]:
    path = programs(tmp_path / "bin", docker=DOCKER, service=SERVICE, apt_get=APT, dpkg_query=DPKG, dockerd="")
    with OwnMachine(variables={"PATH": path, "PLAYED": str(played)}) as one:
        yield one


@pytest.fixture(autouse=True)
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a deployment has tests of its own."""
    monkeypatch.setattr(marks, "guarded", lambda place, host, body, wait: body)


@pytest.fixture
def here(tmp_path: Path, machine: OwnMachine) -> Place:
    return place(tmp_path / "home", {"one": machine})


def about(given: Any) -> dict[str, Any]:
    return {"hosts": {"one": given}, "mark": MARK}


def test_packages_are_installed_once_and_removed(here: Place, played: Path) -> None:
    given = about(["docker.io", "docker-compose=2.26.1-4~bpo12+1"])
    packages.install(here, Context(), given)
    packages.install(here, Context(), given)
    called = ran(played / "log")
    assert [line.split()[-1] for line in called if " install " in line] == ["docker-compose=2.26.1-4~bpo12+1"]
    assert packages.remove(here, Context(), given) == {"warnings": []}
    assert ran(played / "log")[-1].endswith("remove docker.io docker-compose")


def test_apt_that_fails_says_why(here: Place, played: Path) -> None:
    (played / "closed").touch()
    with pytest.raises(StepFailed) as caught:
        packages.install(here, Context(), about(["docker.io"]))
    assert "E: closed" in caught.value.advice.lines[-1]


def test_the_engines_file_keeps_what_is_in_it(here: Place, machine: OwnMachine, played: Path) -> None:
    before = '{"debug": true, "proxies": {"http-proxy": "http://u:secret@proxy.example.com"}}'
    machine.sh(f"echo '{before}' >/etc/docker/daemon.json; chmod 640 /etc/docker/daemon.json")
    added = {"live-restore": True, "log-driver": "local", "log-opts": daemon.ROTATION}
    assert daemon.configure(here, Context(), about(added)) == {"warnings": []}
    assert daemon.configure(here, Context(), about(added)) == {"warnings": []}
    whole = json.loads(machine.sh("cat /etc/docker/daemon.json"))
    assert whole == {**json.loads(before), **added}
    assert machine.sh("stat -c %a /etc/docker/daemon.json").strip() == "640"
    assert not any("secret" in script for script in machine.scripts)
    daemon.unconfigure(here, Context(), about(added))
    assert machine.sh("cat /etc/docker/daemon.json").strip() == before
    assert next(line for line in ran(played / "log") if line.startswith("service")) == "service docker start"


def test_a_full_disk_costs_no_file_of_the_engine(here: Place, machine: OwnMachine, tmp_path: Path) -> None:
    before, given, file = '{"debug": true}', about({"live-restore": True}), "/etc/docker/daemon.json"
    full = 'for last; do :; done; echo "{" >"$last"; echo "no space left"; exit 1\n'
    machine.sh(f"chmod 750 /etc/docker; echo '{before}' >{file}")
    programs(tmp_path / "bin", cp=full)
    with pytest.raises(StepFailed, match="no space left"):
        daemon.configure(here, Context(), given)
    assert machine.sh(f"cat {file}").strip() == before
    (tmp_path / "bin" / "cp").unlink()
    daemon.configure(here, Context(), given)
    programs(tmp_path / "bin", cp=full)
    with pytest.raises(StepFailed, match="no space left"):
        daemon.unconfigure(here, Context(), given)
    assert json.loads(machine.sh(f"cat {file}")) == {"debug": True, "live-restore": True}
    (tmp_path / "bin" / "cp").unlink()
    assert daemon.unconfigure(here, Context(), given) == {"warnings": []}
    assert machine.sh(f"cat {file}").strip() == before
    assert machine.sh("stat -c %a /etc/docker").strip() == "750"


def test_what_anybody_may_plant_leads_root_nowhere(here: Place, machine: OwnMachine) -> None:
    machine.sh("mkdir -p /run/lock; ln -s /etc/nologin /run/lock/decodeat-ops-machine")
    network.make(here, Context(), about({}))
    assert machine.sh("ls /etc/nologin 2>/dev/null || :") == ""


def test_an_engine_with_containers_is_not_restarted_before_it_keeps_them(
    here: Place, machine: OwnMachine, played: Path
) -> None:
    (played / "up").touch()
    (played / "running").write_text("3\n")
    machine.sh("sleep 600 >/dev/null 2>&1 & echo $! >/run/docker.pid")  # what gets the signal
    told = daemon.configure(here, Context(), about({"live-restore": True}))
    assert told == {"warnings": []}
    assert "service docker restart" in ran(played / "log")


def test_an_engine_that_does_not_start_is_no_success(
    here: Place, played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_ENGINE", daemon._ENGINE.replace("-lt 60", "-lt 2"))
    (played / "broken").touch()
    with pytest.raises(StepFailed, match="does not start"):
        daemon.configure(here, Context(), about({}))


def test_the_network_comes_and_goes(here: Place, played: Path) -> None:
    for _ in range(2):
        network.make(here, Context(), about({}))
    created = [line for line in ran(played / "log") if "network create" in line]
    assert created == [
        "docker network create --label decodeat-ops.deployment=demo-production --label decodeat-ops.made=m1 "
        "demo-production"
    ]
    assert network.unmake(here, Context(), about({})) == {"warnings": []}
    assert not (played / "network").exists()


def test_updates_are_turned_on_and_off(here: Place, machine: OwnMachine) -> None:
    upgrades.make(here, Context(), about({}))
    upgrades.make(here, Context(), about({}))
    shown = machine.sh("apt-config dump APT::Periodic")
    assert 'APT::Periodic::Unattended-Upgrade "1";' in shown
    upgrades.unmake(here, Context(), about({}))
    assert "Unattended-Upgrade" not in machine.sh("apt-config dump APT::Periodic")
    machine.sh("echo 'APT::Periodic::Unattended-Upgrade \"0\";' >/etc/apt/apt.conf.d/99mine")
    with pytest.raises(StepFailed, match=r"turns APT::Periodic::Unattended-Upgrade off"):
        upgrades.make(here, Context(), about({}))


def carried_out(here: Place, plan: Plan) -> None:
    for step in plan.steps:
        bootstrap.ACTIONS[step.do.name](here, Context(), step.do.params)


def test_a_second_bootstrap_finds_nothing_missing(
    here: Place, played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.judging, "problems", lambda *_: iter(()))  # this machine is as it is
    plan = bootstrap.plan(here, MARK)
    assert plan is not None and [step.id for step in plan.steps] == ["engine", "network"]
    carried_out(here, plan)
    assert bootstrap.plan(here, "m2") is None


def test_machines_that_can_not_be_reached_are_named_together(tmp_path: Path) -> None:
    away = {name: LocalRemote(name, cuts={0: cut}) for name, cut in (("one", Cut.REFUSED), ("two", Cut.BEFORE))}
    with pytest.raises(Unreachable) as caught:
        bootstrap.plan(place(tmp_path, away), MARK)
    assert type(caught.value) is Unreachable and "one refuses" in str(caught.value) and "two: " in str(caught.value)
    with pytest.raises(Configuration, match="no machine"):
        bootstrap.plan(place(tmp_path, {}), MARK)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck")
def test_every_script_is_clean(here: Place, machine: OwnMachine, tmp_path: Path) -> None:
    for given, action in (
        (["docker.io"], packages.install),
        (["docker.io"], packages.remove),
        ({"live-restore": True}, daemon.configure),
        ({}, daemon.unconfigure),
        ({}, network.make),
        ({}, network.unmake),
        ({}, upgrades.make),
        ({}, upgrades.unmake),
    ):
        action(here, Context(), about(given))
    assert complaints(tmp_path / "scripts", machine.scripts) == []
