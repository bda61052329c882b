"""What is wrong with bare machines, and what they lack, is decided from what the look found; nothing is asked."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.plan import Plan
from decodeat_ops.targets.vm.bootstrap import daemon, judging, packages, steps, systems
from decodeat_ops.targets.vm.bootstrap.ground import Engine, Ground
from decodeat_ops.targets.vm.names import Names
from tests.unit.targets.vm.bare import DOCKER, GIB, ground, loaded, made

TODAY = date(2026, 11, 30)


def problems(home: Path, found: Ground, more: str = "") -> str:
    settings = loaded(home, more)
    return "\n".join(judging.problems(found, settings, Names.of(settings), TODAY))


@pytest.mark.parametrize(
    ("name", "version", "problem", "doubt"),
    [
        ("debian", "13", False, False),
        ("debian", "12", False, True),  # the LTS team's
        ("debian", "11", True, False),
        ("ubuntu", "24.04", False, False),
        ("ubuntu", "20.04", True, False),  # defect 43
        ("centos", "8", False, True),
    ],
)
def test_43_a_system_without_security_updates_is_refused(name: str, version: str, problem: bool, doubt: bool) -> None:
    life = systems.life(name, version, f"{name} {version}", TODAY)
    assert (bool(life.problem), bool(life.doubt)) == (problem, doubt)
    assert systems.SOURCE in life.problem or not problem


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"root": False}, "is not root"),
        ({"machine": "aarch64"}, "linux/arm64"),
        ({"cpus": 0}, "vm.cpus is 1"),
        ({"memory": GIB}, "of memory; two colours"),
        ({"free": {"/var/lib/docker": GIB}}, "are free at /var/lib/docker"),
        ({"listening": frozenset({443, 22})}, "port 443 is taken"),
        ({"offset": -40.0, "unsure": 2.0}, "40.0 s behind"),
        ({"apt": False}, "no apt"),
        ({"unreached": {"http://archive.example.com/debian/dists/trixie/InRelease": "no name"}}, "apt does not reach"),
        ({"engine": replace(DOCKER, path="/snap/bin/docker")}, "is a snap"),
        ({"engine": replace(DOCKER, version="19.3.1")}, "20.10 is the oldest"),
        ({"engine": replace(DOCKER, file="{")}, "daemon.json can't be read"),
        ({"packages": {"podman-docker": "4"}}, "is podman"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    assert says in problems(tmp_path, ground(**more))
    assert says not in problems(tmp_path, ground())


def test_nothing_is_wrong_with_a_new_machine(tmp_path: Path) -> None:
    assert problems(tmp_path, ground()) == ""
    assert list(judging.doubts(ground(), loaded(tmp_path), TODAY)) == []


def test_ports_of_ours_are_no_problem(tmp_path: Path) -> None:
    mine = "demo-production-nginx 0.0.0.0:80->8080/tcp, 0.0.0.0:443->8443/tcp"
    others = "web 0.0.0.0:80->80/tcp"
    listening = frozenset({80, 443})
    assert problems(tmp_path, ground(listening=listening, published=(mine,))) == ""
    assert "port 80 is taken by web" in problems(tmp_path, ground(listening=listening, published=(others,)))


def test_a_clock_within_what_is_sure_is_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, ground(offset=31.0, unsure=2.0)) == ""


def test_all_problems_of_all_machines_are_said_at_once(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    bad = (ground("one", root=False), ground("two", memory=GIB, machine="riscv64"))
    with pytest.raises(Configuration) as caught:
        judging.refuse(bad, ("three: it can't be reached.",), settings, Names.of(settings))
    lines = caught.value.advice.lines
    assert [line.split(":")[0] for line in lines] == ["three", "one", "two", "two"]
    assert "4 problems keep demo-production" in caught.value.advice.what


@pytest.mark.parametrize(
    ("system", "version", "offered", "wanted"),
    [
        ("debian", "13", {}, ("docker.io", "docker-compose")),
        ("ubuntu", "24.04", {}, ("docker.io", "docker-compose-v2")),
        ("ubuntu", "22.04", {"docker-compose-v2": ("2.24.6",)}, ("docker.io", "docker-compose-v2")),
        (
            "debian",
            "12",
            {"docker-compose": ("1.29.2-3", "2.26.1-4~bpo12+1")},
            ("docker.io", "docker-compose=2.26.1-4~bpo12+1"),
        ),
        (
            "debian",
            "12",
            {"docker-ce": ("5:28.1",), "docker-compose-plugin": ("2.35",), "docker-compose": ("1.29.2-3",)},
            ("docker-ce", "docker-compose-plugin"),
        ),
    ],
)
def test_packages_are_the_systems_own(
    system: str, version: str, offered: dict[str, tuple[str, ...]], wanted: tuple[str, ...]
) -> None:
    found = packages.lacking(ground(system=system, version=version, offered=offered), upgrades=True)
    assert (found.packages, found.problem) == (wanted, "")


def test_debian_12_has_no_compose_and_is_told_what_to_do() -> None:
    bookworm = ground(version="12", offered={"docker-compose": ("1.29.2-3",)}, pretty="Debian GNU/Linux 12 (bookworm)")
    said = packages.lacking(bookworm, upgrades=False).problem
    assert "no package of Compose v2" in said and "backports" in said and "docs.docker.com" in said
    there = replace(bookworm, engine=Engine("/usr/bin/docker", "20.10.24"), packages={"docker.io": "20.10.24"})
    assert "beside the engine that is there" in packages.lacking(there, upgrades=False).problem


def test_an_engine_that_is_there_stays() -> None:
    found = packages.lacking(ground(engine=DOCKER), upgrades=False)
    assert (found.packages, found.problem) == ((), "")


@pytest.mark.parametrize(
    ("engine", "added"),
    [
        (Engine(), {"live-restore": True, "log-driver": "local", "log-opts": daemon.ROTATION}),
        (Engine(file='{"log-driver": "journald", "live-restore": false}'), {}),
        (Engine(file='{"log-driver": "json-file", "live-restore": true}'), {"log-opts": daemon.ROTATION}),
        (Engine(file='{"log-opts": {"max-size": "1g"}}'), {"live-restore": True, "log-opts": {"max-file": "5"}}),
        (Engine(flags="dockerd --log-driver=local --live-restore"), {}),
        (Engine(swarm=True, flags="--log-opt max-size=1m"), {}),
    ],
)
def test_what_the_operator_set_stays(engine: Engine, added: dict[str, Any]) -> None:
    assert daemon.additions(engine) == added
    there = json.loads(engine.file or "{}")
    whole = daemon.merged(there, added)
    assert all(whole[name] == value or isinstance(value, dict) for name, value in there.items())


def planned(home: Path, *grounds: Ground, more: str = "unattended_upgrades = true\n") -> Plan:
    settings = loaded(home, more)
    return Plan("bootstrap", "demo", "x", steps.steps(grounds, settings, Names.of(settings), "m"))


def test_nothing_missing_is_no_step(tmp_path: Path) -> None:
    assert planned(tmp_path, made(), made("two")).steps == ()


def test_a_step_is_for_all_machines_that_lack_it(tmp_path: Path) -> None:
    whole = made("one", engine=replace(DOCKER, network=False))
    bare = ground("two", packages={})
    plan = planned(tmp_path, whole, bare)
    assert {step.id: list(step.do.params["hosts"]) for step in plan.steps} == {
        "packages": ["two"],
        "engine": ["two"],
        "network": ["one", "two"],
        "upgrades": ["two"],
    }
    text = plan.text()
    assert "two: apt-get install docker.io docker-compose ca-certificates unattended-upgrades" in text
    assert "two: /etc/docker/daemon.json gets live-restore, log-driver, log-opts" in text


def test_a_certificate_of_an_authority_takes_certbot(tmp_path: Path) -> None:
    more = 'domains = ["api.example.com"]\nacme_email = "ops@example.com"\ncertificate = "acme"\n'
    plan = planned(tmp_path, made(), made("two", programs=frozenset({"certbot", "openssl"})), more=more)
    assert [(step.id, step.do.params["hosts"]) for step in plan.steps] == [
        ("packages", {"one": ["certbot", "openssl"]})
    ]


def test_updates_are_turned_on_when_asked_alone(tmp_path: Path) -> None:
    off = made(periodic={"Update-Package-Lists": "1", "Unattended-Upgrade": "0"})
    assert planned(tmp_path, off, more="").steps == ()
    assert [step.id for step in planned(tmp_path, off).steps] == ["upgrades"]
