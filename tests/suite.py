"""Choose the tests of a whole run, as a pytest plugin: `make proof` has the long forms, `make test` leaves them out.

`--suite test` leaves out tests marked `proof`, and runs those marked `share` at some commits only, which their number
chooses. `share` alone is for the cases of the fault matrix: `SHARES` commits in a row run every case. `share(3)` is for
what costs much and is not the main way: each commit runs a third of these tests. `share(2, part=1)` is for tests that
need the same costly parts: they run together, at the commits whose number leaves 1 when divided by 2. A test with two
such marks runs where both say so. The fixture `share` does the same with the material of one test.
Without `--suite` the tests named on the command line run, in their short form.
"""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

SHARES = 11  # a prime within the dozen that is neither the number of faults nor a usual number of commits in one push


def pytest_addoption(parser: pytest.Parser) -> None:
    said = "a whole run: `test` has short forms and a share of the fault matrix, `proof` has everything"
    parser.addoption("--suite", choices=("test", "proof"), help=said)


def pytest_configure(config: pytest.Config) -> None:
    said = "share(of=11, part=None): `make test` runs it at some commits only, one part of `of` at each"
    config.addinivalue_line("markers", said)
    config.addinivalue_line("markers", "proof: a long form, which `make proof` alone runs")


def suite_of(config: pytest.Config) -> str:
    """Return `test`, `proof`, or "" when tests were picked by name."""
    return config.getoption("--suite", default=None) or ""


def commits(directory: Path) -> int:
    """Return the number of commits, by which a run's share is chosen; 0 outside a repository."""
    argv = ("git", "rev-list", "--count", "HEAD")
    counted = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    return int(counted.stdout or 0)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if suite_of(config) != "test":
        return
    number = commits(config.rootpath)
    dealt: Counter[int] = Counter()
    kept: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        long = item.get_closest_marker("proof") is not None
        marks = [] if long else item.iter_markers("share")
        due = [_is_due(number, dealt, *mark.args, **mark.kwargs) for mark in marks]
        kept[all(due) and not long].append(item)
    config.hook.pytest_deselected(items=kept[False])
    items[:] = kept[True]


def _is_due(number: int, dealt: Counter[int], of: int = SHARES, *, part: int | None = None) -> bool:
    """Return whether a commit runs a test. Without a part it is dealt one, in turn among those of the same `of`."""
    if part is None:
        part = dealt[of]
        dealt[of] += 1
    return part % of == number % of


@pytest.fixture(scope="session")
def proof(pytestconfig: pytest.Config) -> bool:
    """Return whether the long forms are wanted."""
    return suite_of(pytestconfig) == "proof"


@pytest.fixture(scope="session")
def share(proof: bool, pytestconfig: pytest.Config) -> Callable[[Sequence[Any], int], Sequence[Any]]:
    """Return what takes every n-th of the material of one test, another part at each commit; all of it in the proof."""
    return lambda material, n: material if proof else part(material, n, commits(pytestconfig.rootpath))


def part(material: Sequence[Any], of: int, number: int) -> Sequence[Any]:
    """Return every n-th of the material, another part for each number; of less than `of` pieces always one."""
    of = min(of, len(material)) or 1
    return material[number % of :: of]


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
