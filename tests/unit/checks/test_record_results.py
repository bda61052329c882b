"""The recorded test result: written after a whole run alone, for exactly the code that was tested."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.deployment.source import tree_digest
from tests.record_results import ENDING

REPOSITORY = Path(__file__).resolve().parents[3]
SUITE = """
import pathlib, pytest

def test_good(): pass
def test_also_good(): pass
@pytest.mark.skip(reason="not here")
def test_skipped(): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "decodeat").mkdir()
    (tmp_path / "decodeat" / "__init__.py").write_text("a = 1\n")
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_it.py").write_text(SUITE)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["suite"]\n')
    return tmp_path


def _run(project: Path, *argv: str, suite: tuple[str, ...] = ("--suite", "test")) -> tuple[dict[str, Any] | None, str]:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CI": "false", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "no:cacheprovider", "-p", "tests.suite", "-p", "tests.record_results")
    pytest_argv = (sys.executable, "-m", "pytest", "-q", *plugins, *suite, *argv)
    done = subprocess.run(pytest_argv, cwd=project, env=env, capture_output=True, text=True, timeout=60, check=False)
    result = project / "test-results.json"
    return (json.loads(result.read_text()) if result.exists() else None), done.stdout + done.stderr


def test_a_whole_run(project: Path) -> None:
    result, output = _run(project)
    assert result is not None, output
    assert (result["passed"], result["failed"], result["skipped"], result["format"]) == (2, 0, 1, 1)
    assert (result["suite"], result["share"]) == ("test", "of commit 0"), "outside a repository the first share runs"
    assert result["code"] == tree_digest(project / "decodeat")
    assert "test-results.json: 2 passed" in output


def test_what_fails_is_told_at_once(project: Path) -> None:
    (project / "suite" / "test_first.py").write_text("def test_bad(): assert 'a reason' == ''")
    _, output = _run(project)
    told, last = output.index("a reason"), output.index("= FAILURES =")
    assert "FAILED suite/test_first.py::test_bad" in output[:told] and told < last


@pytest.mark.parametrize(
    ("more", "failed"),
    [
        ("def test_bad(): assert False", 1),
        ("@pytest.fixture\ndef f():\n    yield\n    assert False\ndef test_teardown(f): assert False", 1),
        ("@pytest.fixture\ndef f(): assert False\ndef test_setup(f): pass", 1),
        ("def test_interrupted(): raise KeyboardInterrupt", 1),
        ("raise RuntimeError('does not import')", 1),
        ("def test_edits(): pathlib.Path('decodeat/__init__.py').write_text('a = 2')", 1),
    ],
)
def test_what_must_not_count_as_passed(project: Path, more: str, failed: int) -> None:
    (project / "suite" / "test_more.py").write_text(f"import pathlib, pytest\n{more}\n")
    result, output = _run(project)
    assert result is not None, output
    assert result["failed"] == failed


@pytest.mark.parametrize("argv", [("-k", "good"), ("-m", "not slow"), ("suite/test_it.py",), ("--collect-only",)])
def test_a_selection_records_nothing(project: Path, argv: tuple[str, ...]) -> None:
    result, output = _run(project, *argv)
    assert result is None
    assert "was not written" in output


def test_an_ordinary_run_records_nothing(project: Path) -> None:
    assert _run(project, suite=())[0] is None


BUSY = """
import subprocess, sys, time

BURN = "import time\\nwhile time.process_time() < %s: pass"

def test_itself():
    begun = time.process_time()
    while time.process_time() < begun + 0.4: pass

def test_a_child():
    subprocess.run([sys.executable, "-c", BURN % 0.6], check=True)
"""
IDLE = "import time\ndef test_waits(): time.sleep(0.5)\n"
SERVERS = """
import subprocess, sys, pytest

def server():
    argv = [sys.executable, "-c", "import time\\nwhile time.process_time() < 0.7: pass\\ninput()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE):
        yield

of_a_file, of_a_directory, of_all = (pytest.fixture(scope=scope)(server) for scope in ("module", "package", "session"))
"""


def test_processor_seconds_are_counted_for_the_file_that_took_them(project: Path) -> None:
    (project / "suite" / "test_busy.py").write_text(BUSY)
    (project / "suite" / "test_idle.py").write_text(IDLE)
    result, output = _run(project, "-p", "xdist.plugin", "-n", "2")
    assert result is not None, output
    spent = result["processor_seconds"]
    assert 0.9 <= spent["suite/test_busy.py"] < 3 and spent.get("suite/test_idle.py", 0.0) < 0.4, spent
    assert next(iter(spent)) == "suite/test_busy.py", "the dearest comes first"
    assert f"{spent['suite/test_busy.py']:.1f}  suite/test_busy.py" in output


def test_a_server_counts_for_those_who_shared_it(project: Path) -> None:
    """Not for the file that came last, during which it ended."""
    tests = {"a": "of_a_file, of_a_directory, of_all", "z": ""}
    for name, uses in tests.items():
        (project / "suite" / name).mkdir()
        (project / "suite" / name / "__init__.py").touch()
        (project / "suite" / name / f"test_{name}.py").write_text(f"def test_it({uses}): pass\n")
    (project / "suite" / "a" / "test_later.py").write_text("def test_good(): pass\n")
    (project / "suite" / "a" / "conftest.py").write_text(SERVERS)
    result, output = _run(project)
    assert result is not None, output
    dear = {whose for whose, seconds in result["processor_seconds"].items() if seconds >= 0.5}
    assert dear == {"suite/a/test_a.py", "suite/a", ENDING}, result["processor_seconds"]
