"""Pictures and a host that serves them; databases of both kinds."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from decodeat.images.decoder import Decoder
from decodeat.images.picture import bare, decode
from tests.labels.draw import label
from tests.labels.known import SEED
from tests.servers.postgres import Postgres, postgres
from tests.unit.decodeat.web import Web, web

Encoder = Callable[..., bytes]


@pytest.fixture
def site() -> Iterator[Web]:
    with web() as running:
        yield running


@pytest.fixture(scope="module")
def host() -> Iterator[Web]:
    """Serve pictures to all tests of a module."""
    with web() as running:
        yield running


class InProcess(Decoder):
    """Unpacks right here: for tests of what comes afterwards."""

    def __init__(self) -> None:
        super().__init__(1)

    async def image(self, data: bytes) -> Image.Image:
        return decode(data)

    async def bare(self, data: bytes, most: int) -> bytes | None:
        return bare(data, most)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, form, **options)
    return output.getvalue()


@pytest.fixture(scope="session")
def label_png() -> bytes:
    return label(SEED, "table", "clean", full=True).png


@pytest.fixture(scope="session")
def other_label_png() -> bytes:
    return label(111, "table", "clean", full=True).png


@pytest.fixture(scope="session")
def blurred_png(label_png: bytes) -> bytes:
    return encoded(Image.open(io.BytesIO(label_png)).filter(ImageFilter.GaussianBlur(9)))


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One that lives as long as the tests; who wants to break one starts another."""
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def fragile() -> Iterator[Postgres]:
    """A server to be broken."""
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new and empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/results.sqlite3"
    running: Postgres = request.getfixturevalue("server")
    return running.database()
