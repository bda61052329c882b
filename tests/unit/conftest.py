"""One deployment below a temporary directory for each test."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.checks.stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    # Not tmp_path: a unix socket's address holds 107 bytes, and pytest's directories are long.
    with tempfile.TemporaryDirectory(prefix="checks-") as home:
        yield Stage(Path(home).resolve())
