"""Let tests of who may read and write run as whoever has the most careless umask would."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)
