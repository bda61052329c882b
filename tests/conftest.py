"""What holds for every test: a whole run can record its result, and CI accepts no skip for a missing part."""

import os
from collections.abc import Generator

import pytest

pytest_plugins = ["tests.record_results"]


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Faults and loads run one after the other on one core; the other core has the rest, module by module."""
    for item in items:
        if item.get_closest_marker("faults") or item.get_closest_marker("load"):
            item.add_marker(pytest.mark.xdist_group("machine"))
        elif "integration" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Elsewhere a missing part skips a test, with its reason in plain sight; with CI=true that is a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"CI demands every part, and this test was skipped: {reason}"
    return report
