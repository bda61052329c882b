"""Machines for each test, which end with it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.targets.vm.ledgers import Machines


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines(Path(tempfile.mkdtemp(prefix="ledger-")))
    yield made
    made.close()
