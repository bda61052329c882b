"""Configure all tests: distribution over processes, one id for each, and their measurements."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.examples import PROOF

pytest_plugins = ["tests.suite", "tests.record_results"]
CHAINS = ("lab: ecs", "lab: images", "machine")  # the longest first


def pytest_configure(config: pytest.Config) -> None:
    from tests.suite import suite_of  # pytest rewrites the assertions of a plugin only when nothing imports it before

    if suite_of(config) == "proof":
        settings.register_profile("proof", max_examples=PROOF)
        settings.load_profile("proof")


class OneMachine(LoadScopeScheduling):
    """Faults and loads run one after the other on one core; the other core has the rest, file by file.

    The lab is two pieces with an engine each: one makes the images, and both take minutes to begin. They and the
    faults are handed out first, whatever was collected before them: the run would wait for the one begun last.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if "/lab/" in file:
            return "lab: ecs" if "/test_ecs_" in file else "lab: images"
        return "machine" if "/faults/" in file or file.endswith("/test_load.py") else file

    def _assign_work_unit(self, node: Any) -> None:
        waiting = [chain for chain in CHAINS if chain in self.workqueue]
        if waiting:
            self.workqueue.move_to_end(waiting[0], last=False)
        super()._assign_work_unit(node)


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
