"""The process that checks a release's variables obeys none of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from decodeat_ops.deployment import service_variables

# With these two, Python starts a program before the first line of its own.
RUNS = {"PYTHONWARNINGS": "all:0:antigravity.x:0:0", "BROWSER": "/bin/sh -c 'echo >{}/owned' #%s"}


@pytest.mark.parametrize("more", [RUNS, {"PATH": "/nowhere", "LD_PRELOAD": "/nowhere.so"}], ids=["python", "loader"])
def test_a_variable_of_a_release_runs_nothing_here(tmp_path: Path, more: dict[str, str]) -> None:
    (tmp_path / "decodeat.py").write_text("import os; print(os.environ['API_RATE_LIMIT'], os.environ['PATH'])")
    values = {"API_RATE_LIMIT": "7", **{name: value.format(tmp_path) for name, value in more.items()}}
    made = service_variables.child(tmp_path / "decodeat.py", values)
    argv = (sys.executable, "-m", "decodeat")
    done = subprocess.run(argv, env=made, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("7 /usr/local/bin:/usr/bin:/bin\n", "")
    assert not (tmp_path / "owned").exists()
