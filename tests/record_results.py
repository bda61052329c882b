"""A pytest plugin: after a whole run it records the counts beside the hash of the very code that was tested.

`make test` sets DECODEAT_RECORD_RESULTS=1. A selection of tests (-k, -m, paths, --lf) records nothing: it would
speak for tests that did not run.
"""

import json
import os
from collections import Counter
from datetime import UTC, datetime

import pytest

from decodeat_ops.deployment import files, source

FORMAT = 1
SWITCH = "DECODEAT_RECORD_RESULTS"
RESULT = "test-results.json"
WORST = ("passed", "skipped", "failed")  # mildest first


class Recorder:
    """Counts each test once, by the worst of its phases, and writes the result when the run was whole."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._package = config.rootpath / "decodeat"
        self._code = source.tree_digest(self._package)
        self._outcomes: dict[str, str] = {}
        self._told = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self._outcomes.get(report.nodeid, WORST[0])
        self._outcomes[report.nodeid] = max(known, report.outcome, key=WORST.index)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        why = self._selection()
        if why:
            self._told = f"{RESULT} was not written: {why}"
            return
        counts = Counter(self._outcomes.values())
        code = source.tree_digest(self._package)
        # An interrupted run, an error while collecting, or code that changed under the tests proves nothing.
        unproven = exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or code != self._code
        result = {
            "format": FORMAT,
            "code": code,
            "revision": source.revision(self._package),
            "passed": counts["passed"],
            "failed": counts["failed"] + unproven,
            "skipped": counts["skipped"],
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
    if os.environ.get(SWITCH) == "1" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "record-results")
