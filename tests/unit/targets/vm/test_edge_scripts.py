"""Given stores beside the service, their secrets on the way back are those of what serves, as far as it tells them."""

import hashlib
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import edge, frame

EARLIER = 'it\'s 1 "x" $(id) \\ é:'
QUOTED = "it%27s%201%20%22x%22%20%24%28id%29%20%5C%20%C3%A9%3A"
DIGEST = hashlib.sha256(EARLIER.encode()).hexdigest()
TODAY = ("abc", "todays")


def run(script: str, home: Path, docker: str) -> "subprocess.CompletedProcess[str]":
    program = home / "bin" / "docker"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{docker}\n")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ("sh", "-c", f"set -u\ncd {home}\n{script}"), env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def names(home: Path) -> Names:
    return Names("demo", PurePosixPath(home))


def inside(redis: str, database: str) -> str:
    """Return a docker whose only container is blue, with these addresses among its variables."""
    variables = (f"REDIS_URL={redis}", f"DATABASE_URL={database}", "LC_ALL=C.UTF-8")
    python = shlex.join(("env", "-i", *variables, sys.executable))
    return f'[ "$1 $2 $3 $4" = "exec demo-blue python -c" ] || exit 1\nexec {python} -c "$5"'


OURS = inside(f"redis://:{QUOTED}@redis:6379/0", f"postgresql://decodeat:{QUOTED}@postgres:5432/decodeat")


@pytest.mark.parametrize(
    ("active", "docker", "found"),
    [
        ("blue", OURS, (DIGEST, EARLIER)),
        ("blue", inside("redis://redis:6379/0", "sqlite:////data/x"), TODAY),
        ("blue", inside("redis://:theirs@cache.example:6379", "postgresql://a:theirs@db.example/a"), TODAY),
        ("blue", "exit 1", TODAY),
        ("green", OURS, TODAY),
        ("", OURS, TODAY),
        ("blue", "echo 'a word\\nuser default on nopass:'", TODAY),
    ],
)
def test_secrets_are_those_of_what_clients_reach(
    tmp_path: Path, active: str, docker: str, found: tuple[str, str]
) -> None:
    (tmp_path / "run").mkdir()
    if active:
        (tmp_path / "run" / "active").symlink_to(active)
    given = f"export REDIS_PASSWORD_SHA256={TODAY[0]} POSTGRES_PASSWORD={TODAY[1]}\n"
    shows = 'printf \'%s\\n%s\' "$REDIS_PASSWORD_SHA256" "$POSTGRES_PASSWORD"\n'
    done = run(given + edge._as_before(names(tmp_path)) + shows, tmp_path, docker)
    assert (done.returncode, done.stderr) == (0, "")
    digest, _, password = done.stdout.partition("\n")
    assert (digest, password) == found


def test_a_database_that_takes_no_password_is_told_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nginx is brought to its files all the same, so that an undo leaves none of them behind."""
    monkeypatch.setattr(edge, "POSTGRES_SECONDS", 0)
    docker = 'case $1 in inspect) ;; logs) echo "its own words" ;; *) echo "is restarting" >&2; exit 1 ;; esac'
    given = "POSTGRES_PASSWORD=some\n"
    done = run(f"{given}{edge._passed(names(tmp_path))}exit $ended\n", tmp_path, docker)
    assert done.returncode == frame.UNPASSED
    assert frame.logged(done.stdout) == ("is restarting", "its own words")


@pytest.mark.parametrize("given", ["", "POSTGRES_PASSWORD=some\n"])
def test_where_there_is_no_database_nobody_is_told(tmp_path: Path, given: str) -> None:
    asked = '[ "$1" = inspect ] || echo "$*" >>asked; exit 1'
    done = run(f"{given}{edge._passed(names(tmp_path))}exit $ended\n", tmp_path, asked)
    assert (done.returncode, done.stdout) == (0, "") and not (tmp_path / "asked").exists()
