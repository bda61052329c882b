"""The look at a bare machine: one script says all, and what it says is read as it is."""

import shutil
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm.bootstrap import ground, looking
from decodeat_ops.targets.vm.bootstrap.ground import read
from decodeat_ops.targets.vm.names import Names
from tests.support.own_machine import OwnMachine, complaints, programs
from tests.unit.targets.vm.bare import loaded

POLICY = """\
docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1+deb12u1+b6
  Version table:
     20.10.24+dfsg1-1+deb12u1+b6 500
        500 http://archive.example.com/debian bookworm/main amd64 Packages
docker-compose:
  Installed: 1.29.2-3
  Candidate: 1.29.2-3
  Version table:
     2.26.1-4~bpo12+1 100
        100 http://archive.example.com/debian bookworm-backports/main amd64 Packages
 *** 1.29.2-3 500
        500 http://archive.example.com/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
docker-compose-v2:
  Installed: (none)
  Candidate: (none)
  Version table:
"""
UBUNTU = """\
PRETTY_NAME="Ubuntu 24.04.2 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.2 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
"""


def section(head: str, text: str = "") -> str:
    return "\n".join((f"= {head}", *(f" {line}" for line in text.splitlines()), ""))


def said(**more: str) -> str:
    """Return what the script prints on an Ubuntu; an argument is a section's lines, its words up to a line of `--`."""
    parts = {"begin": "1000.5\n--", "user": "0\n--", "os-release": UBUNTU, "machine": "x86_64 4\n--"}
    parts |= {"memory": "MemTotal:        8131440 kB"}
    parts |= {name.replace("_", "-"): text for name, text in more.items()}
    text = ""
    for name, value in parts.items():
        words, dashes, lines = value.partition("\n--")
        text += section(f"{name} {words}", lines.strip("\n")) if dashes else section(name, value)
    return text + section("end-time 1000.7") + section("end")


def test_what_an_ubuntu_says_is_read() -> None:
    found = read("one", said(policy=POLICY, packages="docker.io installed 24.0\ngone deinstall 1"), 999.0, 1001.2)
    assert (found.system, found.version, found.pretty) == ("ubuntu", "24.04", "Ubuntu 24.04.2 LTS")
    assert (found.root, found.machine, found.cpus, found.memory) == (True, "x86_64", 4, 8131440 * 1024)
    assert found.packages == {"docker.io": "24.0"}
    assert found.offered["docker-compose"] == ("1.29.2-3", "2.26.1-4~bpo12+1")
    assert found.offered["docker-compose-v2"] == ()


def test_a_clock_is_measured_without_the_time_on_the_way() -> None:
    found = read("one", said(), 999.0, 1001.2)  # 0.2 s there, 2.2 s here: 1 s each way
    assert [found.offset, found.unsure] == pytest.approx([0.5, 1.0])


def test_a_look_that_broke_off_is_none() -> None:
    with pytest.raises(Unreachable, match="broke off"):
        read("one", said().removesuffix(section("end")), 0, 1)


@pytest.mark.parametrize(
    ("says", "lost"),
    [
        ("Err:1 https://hub.example.com/v2/\n  401  Unauthorized [IP: 203.0.113.9 443]", False),
        ("E: Failed to fetch https://hub.example.com/v2/  Could not resolve 'hub.example.com'", True),
    ],
)
def test_a_registry_that_asks_for_a_login_has_answered(says: str, lost: bool) -> None:
    text = said(registry=f"100 https://hub.example.com/v2/\n--\n{says}")
    assert ("https://hub.example.com/v2/" in read("one", text, 0, 1).unreached) is lost


def test_docker_1_of_compose_is_none() -> None:
    text = said(docker_path="/usr/bin/docker\n--", engine="0\n--\n20.10.24", compose="0\n--\n1.29.2")
    engine = read("one", text, 0, 1).engine
    assert (engine.path, engine.version, engine.compose) == ("/usr/bin/docker", "20.10.24", "")


def test_an_engine_that_does_not_answer_says_why() -> None:
    text = said(
        docker_path="/usr/bin/docker\n--", engine="1\n--\nCannot connect to the Docker daemon", info="1\n--\nx y"
    )
    engine = read("one", text, 0, 1).engine
    assert (engine.version, engine.said, engine.running) == ("", "Cannot connect to the Docker daemon", 0)


def test_this_machine_is_looked_at(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "home")
    docker = 'case "$*" in *Server*) echo 26.1.5;; *short*) echo v2.26.1;; info*) echo local true inactive 3 /x;; esac'
    path = programs(tmp_path / "bin", docker=docker)
    with OwnMachine(variables={"PATH": path}) as machine:
        machine.sh("echo '{\"debug\": true}' >/etc/docker/daemon.json")
        answer = machine.run(looking.script(settings, Names.of(settings)))
    assert answer.stderr == ""
    found = read("one", answer.stdout, 0, 1)
    assert found.root and found.cpus >= 1 and found.memory > 10**8 and found.system
    assert set(found.free) == {"/opt/decodeat-ops/demo-production", "/var/lib/docker"}
    assert found.listening == frozenset()
    engine = found.engine
    assert (engine.version, engine.compose, engine.driver, engine.running) == ("26.1.5", "2.26.1", "local", 3)
    assert ground.settings_of(engine.file) == {"debug": True}


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck")
def test_the_script_is_clean(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "home", before='[image]\nrepository = "hub.example.com/demo"')
    text = looking.script(settings, Names.of(settings))
    assert complaints(tmp_path / "scripts", [text]) == []
