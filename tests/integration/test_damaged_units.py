"""One damaged file of one release, or of the supervisor, ends neither the watch on the others nor a command."""

import json
from typing import Any

import pytest

from tests.support.supervised import RELEASE, SHOWS, Supervised, supervised

pytestmark = pytest.mark.share(3)

__all__ = ["supervised"]

OTHER = "20260102T000000Z-bbbbbbb"
GOOD: dict[str, Any] = {"argv": ["/bin/true"], "host": "127.0.0.1", "port": 1, "format": 2}
DAMAGE: list[dict[str, Any]] = [
    {"port": "http"},
    {"port": True},
    {"argv": []},
    {"argv": [1]},
    {"host": None},
    {"env": []},
    {"env": {"A": 1}},
    {"env_files": [1]},
    {"drain_timeout": "long"},
    {"grace": None},
    {"log_bytes": "1 MB"},
]
UNITS = ["[]", "null", "[" * 100_000, *(json.dumps({**GOOD, **damage}) for damage in DAMAGE)]


@pytest.mark.parametrize("content", UNITS, ids=lambda content: content[:90])
def test_a_damaged_unit_is_its_own_releases_trouble_alone(supervised: Supervised, content: str) -> None:
    supervised.release(SHOWS)
    supervised.release(SHOWS, OTHER)
    supervised.layout.unit(OTHER).write_text(content)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running" and "unit can't be read" in supervised.problem(OTHER))
    assert supervised.store.supervisor().standby
    assert supervised.pid(RELEASE)


@pytest.mark.parametrize("content", ['{"releases": []}', '{"releases": {"r": 1}}', '{"beat": "now"}', '{"version": 3}'])
def test_a_damaged_status_is_none(supervised: Supervised, content: str) -> None:
    supervised.layout.supervisor_status.write_text(content)
    found = supervised.store.supervisor()
    assert (found.alive, found.stuck, dict(found.releases)) == (False, False, {})


@pytest.mark.parametrize(
    "damage",
    [{"port": 99_999}, {"env": {"A": "\0"}}, {"env": {"A=B": "1"}}, {"argv": ["/bin/\0"]}, {"host": "\0"}],
    ids=str,
)
def test_what_the_system_refuses_is_its_own_releases_trouble_alone(
    supervised: Supervised, damage: dict[str, Any]
) -> None:
    supervised.release(SHOWS)
    supervised.release(SHOWS, OTHER)
    unit = {**json.loads(supervised.layout.unit(OTHER).read_text()), **damage}
    supervised.layout.unit(OTHER).write_text(json.dumps(unit))
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running" and supervised.problem(OTHER))
    assert supervised.store.supervisor().standby
