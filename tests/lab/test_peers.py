"""Given engines of two processes of one run, they get in each other's way nowhere, and an image is made once."""

import ipaddress
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from tests.lab import engine
from tests.lab.engine import NETWORK, Engine
from tests.lab.peers import Peers

pytestmark = [pytest.mark.lab, pytest.mark.share(2, part=0)]

NAME = "lab/copied:1"


@pytest.fixture(scope="module")
def other() -> Iterator[Engine]:
    with engine.running() as started:
        yield started


@pytest.fixture
def tidy(docker: Engine, other: Engine) -> Iterator[None]:
    yield
    for one in (docker, other):
        one.run("rmi", "--force", NAME)


def make(where: Engine) -> None:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    where.ok("import", "--change", "LABEL made=once", "-", NAME, given=packed.getvalue())


def identity(where: Engine) -> str:
    return where.ok("inspect", "--format", "{{.Id}} {{json .Config.Labels}}", NAME)


def never() -> None:
    pytest.fail("it is there already")


def fails() -> None:
    raise ConnectionError("no archive answers")


def test_their_addresses_are_apart(docker: Engine, other: Engine) -> None:
    form = ("network", "inspect", NETWORK, "--format", "{{(index .IPAM.Config 0).Subnet}}")
    here, there = (ipaddress.ip_network(one.ok(*form)) for one in (docker, other))
    assert not here.overlaps(there)


@pytest.mark.usefixtures("tidy")
def test_of_two_that_want_it_at_once_one_makes_it_and_the_other_copies(
    docker: Engine, other: Engine, tmp_path: Path
) -> None:
    makers: list[Engine] = []

    def get(where: Engine) -> str:
        def noted() -> None:
            makers.append(where)
            make(where)

        return Peers(tmp_path, where).image(NAME, noted)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(get, (docker, other))) == [NAME, NAME]
    assert len(makers) == 1
    assert identity(docker) == identity(other)


@pytest.mark.usefixtures("tidy")
def test_what_was_withdrawn_is_made_again(docker: Engine, other: Engine, tmp_path: Path) -> None:
    maker = Peers(tmp_path, docker)
    maker.image(NAME, lambda: make(docker))
    Peers(tmp_path, other).withdraw()
    assert Peers(tmp_path, other).image(NAME, never), "it was not the other's to withdraw"
    maker.withdraw()
    with pytest.raises(ConnectionError):
        Peers(tmp_path, other).image(NAME, fails)
    assert Peers(tmp_path, docker).image(NAME, lambda: make(docker)), "what failed is made by whoever comes next"
    assert Peers(tmp_path, other).image(NAME, never)


@pytest.mark.usefixtures("tidy")
def test_of_one_that_was_killed_nothing_is_awaited(docker: Engine, other: Engine, tmp_path: Path) -> None:
    """It made the image, and withdrew nothing."""
    killed = Engine(tmp_path / "killed")
    Peers(tmp_path, killed).image(NAME, lambda: None)
    Peers(tmp_path, other).image(NAME, lambda: make(other))
    assert Peers(tmp_path, docker).image(NAME, never) == NAME
    assert identity(docker) == identity(other)
