"""Share one copy of the service between the tests of a module, and what starts commands between all of a process."""

from collections.abc import Iterator

import pytest

from tests.support.deployments import service_source
from tests.support.forking import Forks, forks

__all__ = ["service_source"]


@pytest.fixture(name="forks", scope="package")
def started_forks() -> Iterator[Forks]:
    """Return what runs commands of a deployment in forks."""
    with forks() as started:
        yield started
