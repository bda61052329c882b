"""A real PostgreSQL and psql: a password reaches the role whatever is in it, and neither a log nor an argument."""

import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import asyncpg
import pytest

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import edge
from tests.servers.postgres import Postgres, fetched, postgres
from tests.support.waiting import wait_for

EARLIER = "the-password-of-earlier"
# Runs in this machine what is to run in the container, and writes down what it was called with.
_DOCKER = """#!/bin/sh
echo "$*" >>"$CALLS"
case $1 in inspect) exit 0 ;; exec) shift ;; *) exit 1 ;; esac
if [ "$1" = -i ]; then shift; fi
shift
exec "$@"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Return a server as its image makes it, but for one that logs every statement."""
    with postgres() as running:
        running.run("CREATE ROLE decodeat SUPERUSER LOGIN")
        running.run("CREATE DATABASE decodeat OWNER decodeat")
        running.run("ALTER SYSTEM SET log_statement = 'all'")
        running.run("ALTER SYSTEM SET log_min_duration_statement = 0")
        running.run("SELECT pg_reload_conf()")
        wait_for(lambda: running.run("SHOW log_statement") == [{"log_statement": "all"}])
        yield running


def gets_in(server: Postgres, password: str) -> bool:
    url = f"postgresql://decodeat:{quote(password, safe='')}@127.0.0.1:{server.port}/decodeat"
    try:
        return fetched(url, "SELECT 1 AS one") == [{"one": 1}]
    except asyncpg.InvalidPasswordError:
        return False


@pytest.mark.parametrize(
    "password", ["plain", "it's", 'a"b', "back\\slash\\'", "$(id) `id` $x $$", ":'password'; --", "  spaces  ", "ü€"]
)
def test_the_role_gets_it(server: Postgres, tmp_path: Path, password: str) -> None:
    server.run(f"ALTER ROLE decodeat PASSWORD '{EARLIER}'")
    programs = [str(one) for one in Path("/usr/lib/postgresql").glob("*/bin")]
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(_DOCKER)
    docker.chmod(0o755)
    environment = {
        "PATH": ":".join((str(docker.parent), *programs, "/usr/bin", "/bin")), "CALLS": str(tmp_path / "calls"),
        "PGHOST": str(server.directory), "PGPORT": str(server.port), "LC_ALL": "C.UTF-8",
        "POSTGRES_PASSWORD": password,
    }  # fmt: skip
    names = Names("demo", PurePosixPath(tmp_path))
    script = f"set -u\n{edge._passed(names)}exit $ended\n"
    for known in (EARLIER, password):  # a repeat changes nothing
        environment["PGPASSWORD"] = known  # here psql has to sign in; in the container it need not
        done = subprocess.run(
            ("sh", "-c", script), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
        assert gets_in(server, password) and not gets_in(server, EARLIER)
    calls, log = (tmp_path / "calls").read_text(), (server.directory / "log").read_text(errors="replace")
    assert "psql" in calls and "SET log_statement" in log and "ALTER ROLE decodeat PASSWORD :" not in log
    assert password == "plain" or (password not in calls and password not in log)
    assert not (tmp_path / "edge.log").exists()
