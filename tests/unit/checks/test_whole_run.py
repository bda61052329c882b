"""Test a whole run: failed tests are run once more, alone, and recorded so; each commit runs its share."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.audit import LOCKS, VULNERABLE
from tests.servers import osv
from tests.suite import SHARES, part

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIGURATION = '''
[tool.pytest.ini_options]
testpaths = ["suite"]
addopts = """-p tests.suite -p tests.record_results
    -p no:cacheprovider -p xdist.plugin -p pytest_cov.plugin -p pytest_timeout"""
timeout = 600
'''
GOOD = "def test_good(): pass\n"
FLAKY = """
import pathlib
def test_flaky():
    before = pathlib.Path("was here")
    if not before.exists():
        before.touch()
        raise AssertionError("the first time")
"""
BAD = "def test_bad(): assert 1 + 1 == 3\n"
SKIPS = """
import pathlib, pytest
def test_skips_later():
    before = pathlib.Path("was here")
    if before.exists():
        pytest.skip("another time")
    before.touch()
    raise AssertionError("the first time")
"""


def project(directory: Path, **files: str) -> Path:
    (directory / "decodeat").mkdir()
    (directory / "decodeat" / "__init__.py").write_text("a = 1\n")
    (directory / "suite").mkdir()
    (directory / "pyproject.toml").write_text(CONFIGURATION)
    for name, text in files.items():
        (directory / "suite" / f"test_{name}.py").write_text(text)
    return directory


def run(
    directory: Path, suite: str = "test", workers: int = 0, variables: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any], str]:
    argv = (sys.executable, "-m", "tests.whole", suite, "-n", str(workers))
    alone = {"CI": "false", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    unwatched = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    env = {**unwatched, "PYTHONPATH": str(REPOSITORY), **alone, **(variables or {})}
    done = subprocess.run(argv, cwd=directory, env=env, capture_output=True, text=True, timeout=500, check=False)
    record = directory / "test-results.json"
    assert record.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(record.read_text()), done.stdout


def test_a_flaky_test_leaves_the_run_green_and_is_listed(tmp_path: Path) -> None:
    status, record, output = run(project(tmp_path, good=GOOD, flaky=FLAKY))
    assert status == 0, output
    assert (record["passed"], record["failed"]) == (2, 0)
    (test,) = record["flaky"]
    assert test == "suite/test_flaky.py::test_flaky"
    assert "the first time" in record["flaky"][test]
    assert f"FLAKY {test}" in output
    assert output.rindex("AssertionError: the first time") > output.index("FLAKY"), "with its first output"


@pytest.mark.share(3)
def test_one_that_fails_twice_makes_the_run_red(tmp_path: Path) -> None:
    status, record, output = run(project(tmp_path, good=GOOD, flaky=FLAKY, bad=BAD), workers=2)
    assert status == 1, output
    assert (record["passed"], record["failed"]) == (2, 1)
    assert list(record["flaky"]) == ["suite/test_flaky.py::test_flaky"]
    assert list(record["failures"]) == ["suite/test_bad.py::test_bad"]
    assert "FAILED suite/test_bad.py::test_bad" in output.splitlines()


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("more", "workers"),
    [(SKIPS, 0), ("raise RuntimeError('does not import')", 2), ("def test(): raise KeyboardInterrupt", 0)],
    ids=["skips when alone", "does not import", "interrupted"],
)
def test_what_must_not_become_green(tmp_path: Path, more: str, workers: int) -> None:
    status, record, output = run(project(tmp_path, good=GOOD, more=more), workers=workers)
    assert status != 0, output
    assert record["failed"] > 0


@pytest.mark.share(3)
def test_many_failures_are_no_flakiness(tmp_path: Path) -> None:
    """Run nothing again when many tests fail; the run is red."""
    many = "import pathlib\n" + "\n".join(
        FLAKY.replace("flaky", f"flaky_{n}").replace("here", f"here {n}") for n in range(16)
    )
    status, record, output = run(project(tmp_path, many=many))
    assert status == 1, output
    assert (record["failed"], record["flaky"]) == (16, {})


def locked(directory: Path) -> Path:
    for number, lock in enumerate(LOCKS):
        (directory / lock).parent.mkdir(exist_ok=True)
        (directory / lock).write_text(f"package-{number}==1.0 --hash=sha256:{'1' * 64}\n")
    return directory


@pytest.mark.share(3)
def test_a_known_vulnerability_makes_the_run_red(tmp_path: Path) -> None:
    known = {VULNERABLE: ("PYSEC-2018-66",), ("package-2", "1.0"): ("PYSEC-1",)}
    with osv.serve(known) as database:
        made = locked(project(tmp_path, good=GOOD))
        variables = {"CI": "true", "PIP_AUDIT_OSV_URL": database.url, "NO_PROXY": "127.0.0.1"}
        status, record, output = run(made, variables=variables)
    assert status == 1, output
    finding = {"name": "package-2", "version": "1.0", "id": "PYSEC-1", "fix_versions": ["99.1"]}
    assert record["audit"] == {"status": "findings", "packages": len(LOCKS), "findings": [finding]}
    assert (record["passed"], record["failed"]) == (1, 1), "who deploys by the record sees that the run was red"
    assert "VULNERABLE package-2 1.0: PYSEC-1, mended in 99.1" in output.splitlines()


@pytest.mark.share(3)
@pytest.mark.parametrize("variables", [{"CI": "true", "PIP_AUDIT_OSV_URL": "http://127.0.0.1:1/v1/query"}, {"CI": ""}])
def test_no_answer_about_vulnerabilities_is_recorded_as_unknown(tmp_path: Path, variables: dict[str, str]) -> None:
    status, record, output = run(locked(project(tmp_path, good=GOOD)), variables=variables)
    assert status == 0, output
    assert record["audit"] == {"status": "unknown", "packages": 0, "findings": []}
    assert "pip-audit: unknown, not clean." in output


CASES = """
import pytest
@pytest.mark.share
@pytest.mark.parametrize("case", range(20))
def test_case(case): pass
@pytest.mark.share(3)
@pytest.mark.parametrize("case", range(4))
def test_costly(case): pass
@pytest.mark.share(2, part=1)
@pytest.mark.parametrize("case", [0, 1, 2, pytest.param("long", marks=pytest.mark.proof)])
def test_together(case): pass
@pytest.mark.share(2, part=0)
@pytest.mark.share
@pytest.mark.parametrize("case", range(5))
def test_both(case): pass
@pytest.mark.proof
def test_long(): pass
def test_always(proof): assert proof is %s
"""


# Makes commits and tells what each runs, in one process: an interpreter that imports pytest for each costs a second.
EACH_COMMIT = """
import contextlib, io, json, subprocess, sys, pytest
for _ in range(int(sys.argv[1])):
    git = ("git", "-c", "user.name=tests", "-c", "user.email=tests@localhost")
    subprocess.run((*git, "commit", "--quiet", "--allow-empty", "-m", "one more"), check=True)
    with contextlib.redirect_stdout(io.StringIO()) as told:
        status = pytest.main(["--collect-only", "-q", *sys.argv[2:]])
    assert status == 0, told.getvalue()
    print(json.dumps([line.partition("::")[2] for line in told.getvalue().splitlines() if "::" in line]))
"""


def _ran(directory: Path, commits: int, *suite: str) -> list[set[str]]:
    argv = (sys.executable, "-c", EACH_COMMIT, str(commits), *suite)
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CI": "false", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(argv, cwd=directory, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


def test_commits_in_a_row_run_every_case(tmp_path: Path) -> None:
    made = project(tmp_path, cases=CASES % False)
    subprocess.run(("git", "init", "--quiet"), cwd=made, check=True)
    runs = _ran(made, 2 * SHARES, "--suite", "test")
    assert len(runs) == 2 * SHARES
    assert all("test_always" in ran and "test_long" not in ran for ran in runs)

    def seen(name: str, commits: int) -> list[str]:
        return sorted(test for ran in runs[:commits] for test in ran if test.startswith(name))

    assert seen("test_case", SHARES) == sorted(f"test_case[{number}]" for number in range(20))
    assert seen("test_costly", 3) == [f"test_costly[{number}]" for number in range(4)]
    together = [len([test for test in ran if "together" in test]) for ran in runs[:4]]
    assert together == [3, 0, 3, 0], "a long form is for the proof"
    assert seen("test_both", 2 * SHARES) == [f"test_both[{number}]" for number in range(5)]
    assert [len(ran) for ran in _ran(made, 1)] == [35], "what is named runs whole"


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize("of", range(1, 10))
def test_of_the_material_of_a_test_each_commit_takes_some_and_commits_in_a_row_take_all(size: int, of: int) -> None:
    parts = [part(range(size), of, number) for number in range(587, 587 + of)]
    assert all(parts)
    assert {one for taken in parts for one in taken} == set(range(size))


def test_the_proof_has_everything_and_says_so(tmp_path: Path) -> None:
    status, record, output = run(project(tmp_path, cases=CASES % True), "proof")
    assert status == 0, output
    assert (record["suite"], record["share"], record["passed"]) == ("proof", "all", 35)


LONG = """
def test_long_form(proof): assert not proof
def test_limit(pytestconfig): assert (pytestconfig.getoption("timeout") or 0) >= 3600
"""


@pytest.mark.share(3)
def test_a_long_form_that_fails_is_not_excused_by_the_short_one(tmp_path: Path) -> None:
    status, record, _ = run(project(tmp_path, long=LONG), "proof")
    assert (status, record["flaky"], list(record["failures"])) == (1, {}, ["suite/test_long.py::test_long_form"])
