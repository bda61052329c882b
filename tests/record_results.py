"""Record a whole run's counts with the hash of the tested code, as a pytest plugin.

A whole run is one with `--suite`, whose name and share of the fault matrix are recorded too. A selection of tests
(-k, -m, paths, --lf) records nothing: it would vouch for tests that did not run.
"""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from decodeat_ops.deployment import files, source
from tests.suite import SHARES, share_of, suite_of

FORMAT = 1
RESULT = "test-results.json"
WORST = ("passed", "skipped", "failed")  # mildest first


class Recorder:
    """Counts each test once, by the worst of its phases, and writes the result when the run was whole."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._package = config.rootpath / "decodeat"
        self._code = source.tree_digest(self._package)
        self._outcomes: dict[str, str] = {}
        self._failures: dict[str, str] = {}
        self._all_collected = True
        self._told = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._all_collected = self._all_collected and not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._outcomes.get(report.nodeid, WORST[0])
        self._outcomes[report.nodeid] = max(known, report.outcome, key=WORST.index)
        if report.failed:
            self._failures.setdefault(report.nodeid, report.longreprtext)

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
            "share": f"{share_of(self._config.rootpath) + 1} of {SHARES}" if suite == "test" else "all",
            "code": code,
            "revision": source.revision(self._package),
            "passed": counts["passed"],
            "failed": counts["failed"] + unproven,
            "skipped": counts["skipped"],
            "failures": self._failures,
            "flaky": {},
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        files.write(self._config.rootpath / RESULT, json.dumps(result, indent=2) + "\n", mode=0o644)
        self._told = f"{RESULT}: {result['passed']} passed, {result['failed']} failed, code {code[:12]}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self._told)

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
    # With several workers the reports of all of them come together in the process that started them.
    if suite_of(config) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "record-results")
