"""Given stores beside the service, when their passwords change they take them, and when all goes back those before."""

import hashlib
from urllib.parse import quote

import pytest

from decodeat_ops.application.workflow import Change
from tests.integration.vm_place import DEPLOYMENT, VmPlace, empty_place
from tests.servers.vm import Behaviour
from tests.servers.vm.images import made
from tests.servers.vm.played_postgres import Postgres
from tests.support.deployments import service_source

__all__ = ["empty_place", "service_source"]

FIRST, SECOND = 'it\'s-the-1st: $(id) "x" \\', "another/one?by=now"


@pytest.fixture
def stored(place: VmPlace) -> VmPlace:
    """Return a machine with Redis and PostgreSQL, where nothing is deployed yet."""
    for name in ("redis", "postgres"):
        digest = place.registry.push(name, made([b"base of stores", name.encode()], labels={"played": name}))
        place.vm[name] = True
        place.vm[f"{name}_image"] = f"{place.registry.address}/{name}@{digest}"
        place.vm[f"{name}_password"] = f"env:{name.upper()}_PASSWORD"
    del place.variables["DATABASE_URL"]
    return place


def choose(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    for name in ("REDIS_PASSWORD", "POSTGRES_PASSWORD"):
        monkeypatch.setenv(name, password)


def taken(place: VmPlace, password: str) -> bool:
    """Return whether both stores want this password, and what serves knows it."""
    (host,) = place.hosts
    postgres = host.container(f"{DEPLOYMENT}-postgres").program
    redis = host.container(f"{DEPLOYMENT}-redis").definition.environment["REDIS_PASSWORD_SHA256"]
    active = (host.files / DEPLOYMENT / "run" / "active").readlink().name
    known = host.container(f"{DEPLOYMENT}-{active}").definition.environment
    assert isinstance(postgres, Postgres)
    return (
        postgres.password == password
        and redis == hashlib.sha256(password.encode()).hexdigest()
        and all(f":{quote(password, safe='')}@" in known[name] for name in ("DATABASE_URL", "REDIS_URL"))
    )


def test_a_changed_password_reaches_the_stores(stored: VmPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's image reads it at its first start alone."""
    choose(monkeypatch, FIRST)
    before = stored.deploy()
    assert taken(stored, FIRST)
    choose(monkeypatch, SECOND)
    told = stored.ends(change=Change(dry_run=True))
    assert "An undo gives them back the passwords" in str(told.outcome), told.text
    assert stored.deploy() == stored.serving() != before and taken(stored, SECOND)


def test_stores_get_back_the_passwords_that_what_serves_knows(stored: VmPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, FIRST)
    before = stored.deploy()
    choose(monkeypatch, SECOND)
    stored.spoil(Behaviour("crashes", 3))
    told = stored.ends()
    assert told.code == 5 and "last exit code 3" in told.text, told.text
    assert FIRST not in told.text and SECOND not in told.text
    assert stored.serving() == before and taken(stored, FIRST) and stored.settled()
    stored.repair()
    assert stored.deploy() == stored.serving() != before and taken(stored, SECOND)
