"""What holds for every test: a whole run can record its result, and CI accepts no skip for a missing part."""

import os
from collections.abc import Generator

import pytest

pytest_plugins = ["tests.record_results"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the machine to themselves run one after the other; unit tests use the other core."""
    for item in items:
        if "unit" not in item.path.relative_to(item.config.rootpath).parts:
            item.add_marker(pytest.mark.xdist_group("machine"))


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
