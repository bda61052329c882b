"""Test that a service which lost a protecting setting does not start or become ready, and says why."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.settings import envfile
from decodeat_ops.supervisor import wishes
from decodeat_ops.supervisor.account import Watched
from decodeat_ops.supervisor.sockets import Listeners
from decodeat_ops.supervisor.supervise import Supervisor
from decodeat_ops.supervisor.unit import Unit
from tests.integration.test_secrets import OLD, analyze, plant
from tests.support.deployments import Deployment, deployment, make_source
from tests.support.supervised import RELEASE, SHOWS, Supervised, supervised
from tests.support.waiting import wait_for

__all__ = ["supervised"]

# Every variable of the service that refuses access or limits something.
PROTECTING = (
    "API_KEYS",
    "JWT_SECRET",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "API_RATE_LIMIT",
    "ALLOWED_HOSTS",
    "CORS_ORIGINS",
    "IMAGE_ALLOWED_ORIGINS",
    "MAX_IMAGE_SIZE",
    "REQUEST_TIMEOUT",
)


def lay_out(made: Supervised) -> None:
    values = dict.fromkeys(PROTECTING, "set")
    made.layout.release(RELEASE).mkdir()
    made.layout.secrets(RELEASE).write_text(envfile.render({n: v for n, v in values.items() if n in PROTECTING[:2]}))
    made.layout.environment(RELEASE).write_text(envfile.render({n: "set" for n in PROTECTING[2:]}))
    files = (str(made.layout.environment(RELEASE)), str(made.layout.secrets(RELEASE)))
    made.release(SHOWS, env_files=files, requires=PROTECTING)


@pytest.mark.parametrize("name", ["secrets.env", "service.env"])
def test_a_named_file_that_is_missing_keeps_a_release_from_starting(supervised: Supervised, name: str) -> None:
    lay_out(supervised)
    path = supervised.layout.release(RELEASE) / name
    text = path.read_text()
    path.unlink()
    supervised.start()
    supervised.wait(lambda: supervised.state() == "blocked")
    assert f"{name} is missing" in supervised.problem()
    assert not supervised.layout.log(RELEASE).exists(), "it was started"
    path.write_text(text)
    supervised.wait(lambda: supervised.state() == "running")


@pytest.mark.parametrize("variable", PROTECTING)
def test_without_a_variable_that_protects_it_a_release_does_not_start(supervised: Supervised, variable: str) -> None:
    lay_out(supervised)
    for path in (supervised.layout.environment(RELEASE), supervised.layout.secrets(RELEASE)):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(f"{variable}=")))
    supervised.start()
    supervised.wait(lambda: supervised.state() == "blocked")
    assert variable in supervised.problem()
    assert not supervised.layout.log(RELEASE).exists(), "it was started"


@pytest.fixture
def looking(supervised: Supervised) -> Supervisor:
    """Make a supervisor in this process between two rounds; the test sets what it saw last."""
    return Supervisor(supervised.layout, -1, Listeners())


def test_what_was_called_back_since_the_last_look_keeps_its_secrets(
    supervised: Supervised, looking: Supervisor
) -> None:
    """Request a release again by rollback after the supervisor saw it draining and its process ended."""
    lay_out(supervised)
    looking._watched[RELEASE] = watched = Watched()
    looking._let_go(RELEASE, watched)
    assert supervised.layout.secrets(RELEASE).exists()
    assert supervised.layout.want(RELEASE).exists()


def test_nothing_is_deleted_while_something_is_being_asked_for(supervised: Supervised, looking: Supervisor) -> None:
    lay_out(supervised)
    supervised.layout.want(RELEASE).rename(supervised.layout.drain(RELEASE))
    looking._watched[RELEASE] = watched = Watched()
    with wishes.alone(supervised.layout, wait=True):
        looking._let_go(RELEASE, watched)
        assert supervised.layout.secrets(RELEASE).exists()
        assert supervised.layout.drain(RELEASE).exists()
    looking._let_go(RELEASE, watched)
    assert not supervised.layout.secrets(RELEASE).exists()
    assert not supervised.layout.drain(RELEASE).exists()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("guarded")
    with deployment(directory, ready=60.0, extra='[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n') as made:
        plant(made, OLD)
        made.configure(ALLOWED_HOSTS="labels.example.kr", API_RATE_LIMIT=600)
        made.deploy()
        yield made


def test_a_release_requires_every_variable_that_it_was_given(guarded: Deployment) -> None:
    required = Unit.load(guarded.layout.unit(guarded.store.active_id())).requires
    assert {"API_KEYS", "ALLOWED_HOSTS", "API_RATE_LIMIT"} <= set(required)


def test_a_service_that_lost_its_keys_stays_down_until_start_writes_them_anew(guarded: Deployment) -> None:
    release = guarded.store.active_id()
    guarded.layout.secrets(release).unlink()
    os.kill(guarded.store.supervisor().releases[release].pid, signal.SIGKILL)
    wait_for(lambda: "secrets.env is missing" in guarded.store.supervisor().releases[release].problem)
    status = guarded.run("status", "--json")
    assert status.status in {4, 8}, str(status)  # its orphaned workers, with their keys, may answer a little longer
    assert "secrets.env is missing" in " ".join(status.json["data"]["problems"])
    guarded.ok("start", "--yes")
    assert analyze(guarded, "a-key-that-nobody-was-given") == 401
    assert analyze(guarded, OLD) == 422


def test_a_release_that_lets_anybody_in_never_takes_traffic(guarded: Deployment, tmp_path: Path) -> None:
    before = guarded.store.active_id()
    source = guarded.source
    guarded.source = make_source(tmp_path / "open")
    main = guarded.source / "decodeat" / "main.py"
    main.write_text('import os\nos.environ.pop("API_KEYS", None)\n' + main.read_text())
    guarded.write()
    try:
        ran = guarded.run("deploy", "--yes", "--json")
    finally:
        guarded.source = source
        guarded.write()
    assert ran.status == 5, str(ran)
    assert "without a key" in json.dumps(ran.json["error"])
    assert guarded.store.active_id() == before
    assert analyze(guarded, OLD) == 422
