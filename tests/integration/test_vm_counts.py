"""Given a machine behind a real sshd, when releases come and go, then few connections and round trips do it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.vm_place import VmPlace, vm_place
from tests.integration.vm_wire import Count, Wire, wired
from tests.support.deployments import service_source

__all__ = ["service_source"]
CHANNELS = 6
# Round trips by verb, with two to spare: a look at a machine that is slow counts for ten seconds, then it is repeated.
FIRST, WARM, UNCHANGED, BACK = 23, 21, 3, 16


@pytest.fixture(name="wire")
def machine_behind_sshd(tmp_path: Path, source: Path) -> Iterator[Wire]:
    with vm_place(tmp_path / "vm", source) as place, wired(place) as made:
        yield made


def few(count: Count, trips: int) -> None:
    for host, connections in count.connections.items():
        told = f"{host}: {count.told(host)}"
        assert connections == 1, told
        assert 1 <= count.channels[host] <= CHANNELS, told
        assert 1 <= len(count.of(host)) <= trips, told


def test_releases_take_few_round_trips(wire: Wire) -> None:
    place: VmPlace = wire.place
    first = wire.deploy()
    few(first, FIRST)
    assert place.serving() == first.outcome.data["release"]

    place.change_code()
    warm = wire.deploy()
    few(warm, WARM)
    assert place.serving() == warm.outcome.data["release"] != first.outcome.data["release"]
    assert {one.step for one in warm.trips if one.kind == "send"} == {"image"}, "only layers have a channel for them"

    writes, received = place.writes(), place.received()
    same = wire.deploy()
    few(same, UNCHANGED)
    assert same.outcome.changed == 0 and (place.writes(), place.received()) == (writes, received)
    assert {one.kind for one in same.trips} == {"run"}, "nothing is locked"

    back = wire.rollback()
    few(back, BACK)
    assert place.serving() == first.outcome.data["release"] and place.received() == received
