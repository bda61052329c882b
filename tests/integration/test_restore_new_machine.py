"""Test restoring on a machine without settings: nothing is written before approval, nor in places not allowed."""

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.layout import Layout
from decodeat_ops.engine.journal import read, unfinished
from tests.support.deployments import ENVIRONMENTS, REPOSITORY, STATE, Deployment, deployment, make_source
from tests.support.waiting import PATIENCE

KEY = "a-key-that-must-never-show-4712"


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make the archive of a lost deployment that kept an API key outside its own directory."""
    directory = tmp_path_factory.mktemp("lost")
    key = directory / "outside" / "api.key"
    key.parent.mkdir()
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    source = make_source(directory / "source")
    with deployment(directory, source=source, extra=f'[service.secrets]\nAPI_KEYS = "file:{key}"\n') as made:
        made.deploy()
        path = directory / "brought.tar.zst"
        Path(made.ok("backup")["data"]["path"]).rename(path)
        made.ok("remove", "--yes", "--name", "tested-production", "--delete-data")
    key.unlink()
    key.parent.rmdir()
    shutil.rmtree(directory / "state")
    for left in sorted((directory / "home").iterdir()):
        left.unlink()
    yield path


@pytest.fixture
def machine(lost: Path) -> Iterator[Deployment]:
    """Make the new machine: no settings, no state; port and paths are those of the archive's settings."""
    directory = lost.parent
    settings = Deployment(directory / "home", directory / "state" / STATE, 0, directory / "source")
    assert everything(directory) == BARE
    yield settings
    settings.destroy()
    subprocess.run(["rm", "-rf", directory / "state", directory / "outside", settings.home], check=True)
    settings.home.mkdir()


BARE = {"brought.tar.zst", "home", "source"}


def everything(directory: Path) -> set[str]:
    """Return every path below, without the service's source."""
    names = {p.relative_to(directory).as_posix() for p in directory.rglob("*")}
    return {name for name in names if not name.startswith("source/")}


def said(lost: Path) -> list[str]:
    return ["--outside", str(lost.parent), "--outside", str(ENVIRONMENTS)]


def until_asked(master: int) -> str:
    """Read a terminal until the question appears."""
    text = b""
    deadline = time.monotonic() + PATIENCE
    while b"[y/N]" not in text:
        assert time.monotonic() < deadline, text.decode(errors="replace")
        if select.select([master], [], [], 1)[0]:
            text += os.read(master, 65536)
    return text.decode()


@pytest.mark.parametrize("ending", ["declined", "terminal closed"])
def test_nothing_is_written_before_the_question_is_answered(machine: Deployment, lost: Path, ending: str) -> None:
    temporary = lost.parent.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(machine.home)
        argv = machine.argv("restore", "--archive", str(lost), *said(lost))
        os.execve(
            argv[0], argv, {**os.environ, "NO_COLOR": "1", "TMPDIR": str(temporary), "PYTHONPATH": str(REPOSITORY)}
        )
    until_asked(master)
    assert everything(lost.parent) == BARE
    assert list(temporary.iterdir()) == []
    if ending == "declined":
        os.write(master, b"n\n")
        deadline = time.monotonic() + PATIENCE
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < deadline
            if select.select([master], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):  # the program closed its end of the terminal
                    os.read(master, 65536)
    os.close(master)  # SIGHUP
    if ending != "declined":
        os.waitpid(pid, 0)
    assert everything(lost.parent) == BARE
    assert list(temporary.iterdir()) == []


def test_places_outside_are_refused_until_the_operator_names_them(machine: Deployment, lost: Path) -> None:
    ran = machine.run("restore", "--archive", str(lost), "--yes")
    assert ran.status == 2, str(ran)
    words = " ".join(ran.stderr.split())
    assert "would write outside" in words
    for place in (lost.parent / "outside" / "api.key", machine.state.parent, ENVIRONMENTS):
        assert f"--outside {place}" in words.replace("\n", "")
    assert everything(lost.parent) == BARE
    # Naming some of the places does not allow the others.
    assert machine.run("restore", "--archive", str(lost), "--yes", "--outside", str(machine.state)).status == 2
    assert everything(lost.parent) == BARE


KILLED = """
import os, signal, sys
from pathlib import Path
from decodeat_ops.core import events
from decodeat_ops.application import backups
from decodeat_ops.application.workflow import Change

def watch(event):
    if isinstance(event, events.StepFinished) and event.step.id == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

file = Path(sys.argv[1])
loaded, held = backups.settings_for_restore(None, None, file)
outside = tuple(Path(place) for place in sys.argv[3:])
backups.restore(loaded, Change(emit=watch), "latest", (), file, outside=outside, held=held)
"""


@pytest.mark.share(3)
@pytest.mark.parametrize(("step", "goes_on"), [("unpack", "restore"), ("settings", "resume"), ("switch", "resume")])
def test_writing_settings_is_a_step_that_a_kill_leaves_to_be_gone_on_with(
    machine: Deployment, lost: Path, step: str, goes_on: str
) -> None:
    places = [str(lost.parent), str(ENVIRONMENTS)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lost), step, *places],
        cwd=machine.home,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    left_open = unfinished(Layout(machine.state).journals)
    assert left_open is not None
    assert KEY not in left_open.read_text()
    assert "settings" in {one.id for one in read(left_open).plan.steps}
    if goes_on == "restore":
        assert list(machine.home.iterdir()) == []  # `resume` has no settings to find the journal with
        machine.ok("restore", "--archive", str(lost), *said(lost), "--yes")
    else:
        machine.ok("resume", "--yes")
    assert unfinished(machine.layout.journals) is None
    status = machine.ok("status")
    assert status["data"]["release"] == machine.store.active_id()
    assert (lost.parent / "outside" / "api.key").read_text() == KEY + "\n"
