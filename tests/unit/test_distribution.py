"""Test how a whole run hands its tests out to several processes: chains stay whole, and the longest begin first."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
NOTES = """
import os, pathlib
def test_one(): _note()
def test_two(): _note()
def test_three(): _note()
def _note():
    with pathlib.Path(os.environ["NOTES"], os.environ["PYTEST_XDIST_WORKER"]).open("a") as notes:
        notes.write(f"{pathlib.Path(__file__).name}\\n")
"""
CHAINS = (
    ("test_ecs_deploying.py", "test_ecs_killed.py"),
    ("test_image_push.py", "test_reboot.py"),
    ("test_matrix.py", "test_load.py"),
)
FILES = (
    "contract/test_target.py",
    "faults/test_matrix.py",
    "integration/test_backup.py",
    "integration/test_load.py",
    "lab/test_ecs_deploying.py",
    "lab/test_ecs_killed.py",
    "lab/test_image_push.py",
    "lab/test_reboot.py",
    "unit/test_words.py",
)


def test_the_longest_chains_begin_first_and_stay_in_one_process(tmp_path: Path) -> None:
    for file in FILES:
        place = tmp_path / "suite" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(NOTES)
    notes = tmp_path / "notes"
    notes.mkdir()
    plugins = [word for name in ("xdist.plugin", "tests.conftest", "no:cacheprovider") for word in ("-p", name)]
    argv = [sys.executable, "-m", "pytest", "-q", *plugins, "-n", str(len(CHAINS)), "--no-loadscope-reorder", "suite"]
    unwatched = {
        name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_XDIST"))
    }
    env = {**unwatched, "PYTHONPATH": str(REPOSITORY), "NOTES": str(notes), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = [worker.read_text().splitlines() for worker in sorted(notes.iterdir())]
    assert sorted(line for lines in ran for line in lines) == sorted(
        Path(file).name for file in FILES for _ in range(3)
    )
    for chain in CHAINS:
        (lines,) = [lines for lines in ran if lines[0] in chain]
        assert sorted(lines[:6]) == sorted(chain * 3), "it is the first of its process, and whole"
