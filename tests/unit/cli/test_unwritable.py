"""Test that a change whose report can't be written stays done, and that exit code and stderr say so."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.program import environment

# `init` is a change that needs no service.
INIT = f"{sys.executable} -m decodeat_ops init --name fresh --port 8000 --config new/decodeat-ops.toml"


def shell(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"], cwd=home, env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def closed(home: Path) -> str:
    """Return a shell's redirection of stdout to a pipe whose reader is gone."""
    (home / "reader.py").write_text("import os, sys, subprocess\nr, w = os.pipe()\nos.close(r)\n"
                                    "sys.exit(subprocess.run(sys.argv[1:], stdout=w).returncode)\n")  # fmt: skip
    return f"{sys.executable} reader.py "


@pytest.mark.share(3)
@pytest.mark.parametrize("more", ["", " --json"])
@pytest.mark.parametrize("broken", ["full disk", "closed pipe"])
def test_a_change_stands_when_its_report_can_not_be_written(home: Path, closed: str, more: str, broken: str) -> None:
    done = shell(home, f"{INIT}{more} > /dev/full" if broken == "full disk" else f"{closed}{INIT}{more}")
    assert (home / "new" / "decodeat-ops.toml").exists()
    assert done.returncode == 10, done
    told = " ".join(done.stderr.split())
    assert "The report of it could not be written" in told
    assert "The change stands" in told
    assert "not touched" not in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told


def test_a_second_run_that_changes_nothing_says_only_that_it_could_not_be_written(home: Path, closed: str) -> None:
    assert shell(home, INIT).returncode == 0
    full = shell(home, f"{INIT} --json > /dev/full")
    assert (full.returncode, "The change stands" in full.stderr) == (3, False)
    assert "could not be written" in full.stderr
    left = shell(home, f"{closed}{INIT} --json")
    assert (left.returncode, left.stderr) == (0, "")


@pytest.mark.share(3)
@pytest.mark.parametrize("words", ["status --json", "status", "logs", "deploy --yes --json --config none.toml"])
@pytest.mark.parametrize("broken", ["> /dev/full", "2> /dev/full", "> /dev/full 2>&1"])
def test_no_broken_stream_hides_an_exit_code_or_ends_in_a_traceback(home: Path, words: str, broken: str) -> None:
    whole = shell(home, f"{sys.executable} -m decodeat_ops {words}")
    done = shell(home, f"{sys.executable} -m decodeat_ops {words} {broken}")
    assert done.returncode in {whole.returncode, 3}, (whole, done)
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception ignored" not in done.stderr + done.stdout


def test_an_error_that_can_not_be_written_as_json_is_told_on_stderr(home: Path) -> None:
    done = shell(home, f"{sys.executable} -m decodeat_ops status --json --config none.toml > /dev/full")
    assert done.returncode == 3
    assert "decodeat-ops --config none.toml init" in done.stderr


@pytest.mark.share(3)
@pytest.mark.parametrize("words", ["deploy", "init", "remove", "checklist pre-deploy", "lock release", "status"])
def test_a_closed_standard_input_is_no_bug_of_ours(home: Path, words: str) -> None:
    done = shell(home, f"{sys.executable} -m decodeat_ops {words} <&-")
    assert done.returncode != 1, done.stderr
    assert "bug of ours" not in done.stderr


def test_no_file_of_ours_takes_the_number_of_a_closed_stream(home: Path) -> None:
    """Keep the number of a closed stream free of our files: child processes would read from it or write into it."""
    (home / "numbers.py").write_text(
        "import os, sys\n"
        "from decodeat_ops.cli.boundary import run\n"
        "import decodeat_ops.application.settings as settings\n"
        "def version():\n"
        "    from decodeat_ops.core.outcome import Outcome\n"
        "    held = os.open('lock', os.O_RDWR | os.O_CREAT)\n"
        "    return Outcome('version', '', exit_code=held)\n"
        "settings.version = version\n"
        "sys.exit(run(['version']))\n"
    )
    for closing in ("<&-", "2>&-", "<&- >&- 2>&-"):
        assert shell(home, f"{sys.executable} numbers.py {closing}").returncode > 2, closing
