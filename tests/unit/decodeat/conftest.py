"""Pictures, and a host that serves them."""

import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageFilter

from tests.labels.draw import label
from tests.labels.known import SEED
from tests.unit.decodeat.web import Web, web

Encoder = Callable[..., bytes]


@pytest.fixture
def site() -> Iterator[Web]:
    with web() as running:
        yield running


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
