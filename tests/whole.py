"""Run all tests, and each failed one once more, alone: `python -m tests.whole test|proof`.

A test that passes then is FLAKY: the run stays green, shows the first output, and lists the test in the record, so
that the cause can be found. When more than a few fail, none is run again, since that is no flakiness. The proof, and
with CI=true the test too, also ask for known vulnerabilities of the locked packages: one makes the run red.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.deployment import files
from tests.audit import audit, unknown
from tests.record_results import RESULT

MOST_RERUN = 15
# In the proof: what has ten times as many examples gets more than the usual ten minutes, and coverage is counted, of
# programs that tests start too. It takes what runs in the tests' own process half as long again.
COVERAGE = ("--cov", "--cov-report=")
FORMS = {"test": (), "proof": ("--suite", "proof", "--timeout", "3600", *COVERAGE)}  # also of a test run once more
# Twice as many as the two cores: the tests of deployments wait for each other's processes half of their time.
TOGETHER = ("-n", "4", "--no-loadscope-reorder", "--durations", "40", "--durations-min", "5")


def run_pytest(*argv: str, **variables: str) -> int:
    """Run pytest in a process of its own. Return its exit status."""
    environment = {**os.environ, **variables}
    return subprocess.run((sys.executable, "-m", "pytest", *argv), env=environment, check=False).returncode


def passes_alone(test: str, *options: str) -> bool:
    """Run one test once more. A skip does not count as passed."""
    return run_pytest("-n", "0", "-q", *options, test, CI="true") == pytest.ExitCode.OK


def rerun_failed(record: dict[str, Any], *options: str) -> dict[str, Any]:
    """Run the failed tests of a record once more. Return the record with those that passed listed as flaky."""
    failures: dict[str, str] = record["failures"]
    if len(failures) > MOST_RERUN:
        return record
    flaky = {test: output for test, output in failures.items() if passes_alone(test, *options)}
    counts = {"passed": record["passed"] + len(flaky), "failed": record["failed"] - len(flaky)}
    still = {test: output for test, output in failures.items() if test not in flaky}
    return {**record, **counts, "failures": still, "flaky": flaky}


def with_audit(record: dict[str, Any], wanted: bool) -> dict[str, Any]:
    """Ask about the locked packages. Return the record with the answer; vulnerabilities count as failures."""
    answer = audit() if wanted else unknown("No database was asked: `make proof` does, with CI=true `make test` too.")
    print(answer)
    return {**record, "failed": record["failed"] + len(answer.findings), "audit": answer.as_record()}


def main(argv: list[str]) -> int:
    suite, *options = argv
    form, again = FORMS[suite], (("--cov-append",) if suite == "proof" else ())
    result = Path(RESULT)
    result.unlink(missing_ok=True)
    status = run_pytest(*TOGETHER, "--suite", suite, *form, *options)
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not result.exists():
        return status
    record = rerun_failed(json.loads(result.read_text()), *form, *again, *options)
    record = with_audit(record, wanted=suite == "proof" or os.environ.get("CI") == "true")
    files.write(result, json.dumps(record, indent=2) + "\n", mode=0o644)
    for test, output in record["flaky"].items():
        print(f"\nFLAKY {test} failed, and passed when it was run once more, alone. What it said first:\n{output}")
    for test in record["failures"]:
        print(f"FAILED {test}")
    return int(record["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
