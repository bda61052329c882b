"""Record a whole run's counts with the hash of the tested code, as a pytest plugin.

A whole run is one with `--suite`, whose name and share of the fault matrix are recorded too. A selection of tests
(-k, -m, paths, --lf) records nothing: it would vouch for tests that did not run. The processor seconds of each file
are recorded with it, and the dearest files shown, also of a selection.
"""

import json
import os
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime
from typing import cast

import pytest

from decodeat_ops.deployment import files, source
from tests.suite import commits, suite_of

FORMAT = 1
RESULT = "test-results.json"
WORST = ("passed", "skipped", "failed")  # mildest first
PROCESSOR = "processor"  # the property of a report that says for whom seconds are counted, and how many
DEAREST = 25
ENDING = "(what lasted until a process of the tests ended)"


class Meter:
    """Add to each report the processor seconds, user and system, since the one before it.

    Counted are this process with its threads, and its children once they have been waited for: a server counts when it
    ends. What ends when the tests leave a directory was shared by its files and counts for the directory, and what
    ends with the process for none. Not counted are daemons, which are no children of the tests: deployed releases and
    their supervisors. (Those of an engine end as its children: its containers count with it, in the lab's directory.)
    """

    def __init__(self) -> None:
        self._before = 0.0
        self._ended: str | None = None

    def pytest_collection_finish(self) -> None:
        self._before = _spent()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        if nextitem is None:
            self._ended = ENDING
        elif nextitem.path.parent != item.path.parent:
            self._ended = item.nodeid.partition("::")[0].rpartition("/")[0]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        before, self._before = self._before, _spent()
        whose, self._ended = self._ended or item.nodeid.partition("::")[0], None
        report.user_properties.append((PROCESSOR, (whose, self._before - before)))
        return report


def _spent() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class Recorder:
    """Counts each test once, by the worst of its phases, and writes the result when the run was whole."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._package = config.rootpath / "decodeat"
        self._code = source.tree_digest(self._package)
        self._outcomes: dict[str, str] = {}
        self._failures: dict[str, str] = {}
        self._processor: dict[str, float] = {}
        self._all_collected = True
        self._told = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._all_collected = self._all_collected and not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._outcomes.get(report.nodeid, WORST[0])
        self._outcomes[report.nodeid] = max(known, report.outcome, key=WORST.index)
        if report.failed and report.nodeid not in self._failures:
            self._failures[report.nodeid] = report.longreprtext
            self._tell(report)
        for name, counted in report.user_properties:
            if name == PROCESSOR:
                whose, seconds = cast(tuple[str, float], counted)
                self._processor[whose] = self._processor.get(whose, 0.0) + seconds

    def _tell(self, report: pytest.TestReport) -> None:
        """Show at once what failed: pytest does at the end, and a proof takes hours, or is ended before."""
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and suite_of(self._config):
            terminal.write_line(f"\nFAILED {report.nodeid}\n{report.longreprtext}")

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        why = self._selection()
        if why:
            self._told = f"{RESULT} was not written: {why}"
            return
        counts = Counter(self._outcomes.values())
        code = source.tree_digest(self._package)
        # An interrupted run, an error while collecting, or code that changed under the tests proves nothing.
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and self._all_collected
        unproven = not ended or code != self._code
        suite = suite_of(self._config)
        result = {
            "format": FORMAT,
            "suite": suite,
            "share": f"of commit {commits(self._config.rootpath)}" if suite == "test" else "all",
            "code": code,
            "revision": source.revision(self._package),
            "passed": counts["passed"],
            "failed": counts["failed"] + unproven,
            "skipped": counts["skipped"],
            "failures": self._failures,
            "flaky": {},
            "processor_seconds": {whose: round(seconds, 2) for whose, seconds in self._dearest()},
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        files.write(self._config.rootpath / RESULT, json.dumps(result, indent=2) + "\n", mode=0o644)
        self._told = f"{RESULT}: {result['passed']} passed, {result['failed']} failed, code {code[:12]}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self._told)
        total = sum(self._processor.values())
        terminalreporter.write_line(f"processor seconds: {total:.0f} in all; the dearest files:")
        for whose, seconds in self._dearest()[:DEAREST]:
            terminalreporter.write_line(f"{seconds:9.1f}  {whose}")

    def _dearest(self) -> list[tuple[str, float]]:
        return sorted(self._processor.items(), key=lambda counted: -counted[1])

    def _selection(self) -> str:
        """How the run was narrowed, "" when it was not."""
        option = self._config.option
        if self._config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
            return "paths were given"
        chosen = {"keyword": "-k", "markexpr": "-m", "lf": "--lf", "deselect": "--deselect", "ignore": "--ignore"}
        chosen |= {"collectonly": "--collect-only", "ignore_glob": "--ignore-glob"}
        given = [flag for name, flag in chosen.items() if getattr(option, name, None)]
        return f"{', '.join(given)} selects tests" if given else ""


def pytest_configure(config: pytest.Config) -> None:
    if not suite_of(config):
        return
    config.pluginmanager.register(Meter(), "measure-processor")
    # With several workers the reports of all of them come together in the process that started them.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "record-results")
