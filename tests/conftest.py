"""Configure all tests: distribution over processes, one id for each, and their measurements."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.examples import PROOF

pytest_plugins = ["tests.suite", "tests.record_results"]


def pytest_configure(config: pytest.Config) -> None:
    from tests.suite import suite_of  # pytest rewrites the assertions of a plugin only when nothing imports it before

    if suite_of(config) == "proof":
        settings.register_profile("proof", max_examples=PROOF)
        settings.load_profile("proof")


class OneMachine(LoadScopeScheduling):
    """Faults and loads run one after the other on one core; the other core has the rest, file by file.

    The lab is one piece: its engine and images are made once.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if "/lab/" in file:
            return "lab"
        return "machine" if "/faults/" in file or file.endswith("/test_load.py") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneMachine:
    return OneMachine(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests with the same id xdist runs the first alone, and says nothing."""
    twice = [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]
    if twice:
        raise pytest.UsageError(f"several tests have the id {', '.join(twice)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured (`record_property("measured", text)`), whichever worker ran them."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", []):
                if name == "measured" and report.when == "call":
                    terminalreporter.write_line(f"measured: {text}")
