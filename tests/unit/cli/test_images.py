"""The commands build and push as people and scripts meet them, where there is no engine."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.program import environment, run

AWAY = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.fixture
def home(home: Path) -> Path:
    with (home / "decodeat-ops.toml").open("a") as settings:
        settings.write('[image]\nrepository = "127.0.0.1:1/decodeat"\n')
    (home / "decodeat-ops.staging.toml").touch()
    return home


@pytest.mark.parametrize("verb", ["build", "push"])
def test_an_engine_that_is_not_there_is_told(home: Path, verb: str) -> None:
    ran = run(home, verb, "--yes", "--json", "--env", "staging", **AWAY)
    assert ran.status == 8
    error = ran.json["error"]
    assert error["kind"] == "unreachable" and error["state"] == "Nothing was changed."
    assert "The Docker engine at unix:///nowhere/docker.sock does not answer" in error["what"]
    assert "Is Docker running" in error["hint"]
    assert not (home / "state").exists()


def test_a_missing_repository_is_told_with_what_to_write(home: Path) -> None:
    text = (home / "decodeat-ops.toml").read_text().partition("[image]")[0]
    (home / "decodeat-ops.toml").write_text(text)
    ran = run(home, "push", "--yes", **AWAY)
    assert ran.status == 3
    told = " ".join(ran.stderr.split())
    assert "image.repository is not set" in told and 'repository = "registry.example.com/decodeat"' in told


@pytest.mark.parametrize("verb", ["build", "push"])
def test_it_asks_before_it_does_anything(home: Path, verb: str) -> None:
    ran = run(home, verb, **AWAY)
    assert (ran.status, "Give --yes to carry it out" in ran.stderr) == (2, True)


SCRIPT = """
import sys
from decodeat_ops.application.settings import load
from decodeat_ops.application.targets import open_desk
desk = open_desk(load(None, None, {}), secrets={})
print(sorted({"image-build", "image-forget", "image-push"} & set(desk.actions)))
print(sorted({"docker", "requests"} & set(sys.modules)))
"""


def test_what_needs_no_engine_loads_none(home: Path) -> None:
    """Every change has these actions, so that `resume` knows them; the SDK takes longer to load than all else."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=home, env=environment(**AWAY), capture_output=True, text=True, check=True
    )
    actions, modules = ran.stdout.splitlines()
    assert actions == "['image-build', 'image-forget', 'image-push']"
    assert "docker" not in modules and "requests" not in modules
