"""Choose the tests of a whole run, as a pytest plugin: `make proof` has the long forms, `make test` leaves them out.

`--suite test` leaves out tests marked `proof`, and runs a share of those marked `share` (the cases of the fault
matrix). The number of commits chooses the share, so that `SHARES` commits in a row run every case; the fixture `share`
does the same with the material of one test. Without `--suite` the tests named on the command line run, in their short
form.
"""

import os
import subprocess
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

SHARES = 11  # a prime within the dozen that is neither the number of faults nor a usual number of commits in one push


def pytest_addoption(parser: pytest.Parser) -> None:
    said = "a whole run: `test` has short forms and a share of the fault matrix, `proof` has everything"
    parser.addoption("--suite", choices=("test", "proof"), help=said)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "share: a case of the fault matrix; `make test` runs a share of them")
    config.addinivalue_line("markers", "proof: a long form, which `make proof` alone runs")


def suite_of(config: pytest.Config) -> str:
    """Return `test`, `proof`, or "" when tests were picked by name."""
    return config.getoption("--suite", default=None) or ""


def share_of(directory: Path, shares: int = SHARES) -> int:
    """Return which share of the matrix this commit runs; outside a repository, the first one."""
    argv = ("git", "rev-list", "--count", "HEAD")
    counted = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    return int(counted.stdout or 0) % shares


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if suite_of(config) != "test":
        return
    cases = [item for item in items if item.get_closest_marker("share")]
    kept = {item for item in items if not item.get_closest_marker("proof")} - set(cases)
    kept |= set(cases[share_of(config.rootpath) :: SHARES])
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


@pytest.fixture(scope="session")
def proof(pytestconfig: pytest.Config) -> bool:
    """Return whether the long forms are wanted."""
    return suite_of(pytestconfig) == "proof"


@pytest.fixture(scope="session")
def share(proof: bool, pytestconfig: pytest.Config) -> Callable[[Sequence[Any], int], Sequence[Any]]:
    """Return what takes every n-th of the material of one test, another part at each commit; all of it in the proof."""
    return lambda material, n: material if proof else material[share_of(pytestconfig.rootpath, n) :: n]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for a missing part into a failure with CI=true; elsewhere it stays a skip that shows its reason."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"CI demands every part, and this test was skipped: {reason}"
    return report
