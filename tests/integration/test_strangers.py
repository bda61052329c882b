"""Test that the supervisor trusts no process, name or file that other users can make."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.supervisor.process import MARK, adopt, belongs, holders, start
from tests.support.supervised import IGNORES, RELEASE, SHOWS, Supervised, supervised

__all__ = ["supervised"]

NOBODY = 65534


class Strangers:
    """Start processes that have a deployment's mark but don't belong to it."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, layout: Layout, release: str, *, user: int | None, listener: socket.socket | None = None) -> int:
        env = {MARK: f"{layout.root}|{release}"}
        argv = [sys.executable if user is None else "/usr/bin/sleep", *(["-c", IGNORES] if user is None else ["600"])]
        made = subprocess.Popen(
            argv,
            cwd="/",
            env=env,
            user=user,
            start_new_session=True,
            stdin=listener.fileno() if listener else subprocess.DEVNULL,
        )
        self._started.append(made)
        return made.pid

    def alive(self) -> bool:
        return all(process.poll() is None for process in self._started)

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture
def strangers() -> Iterator[Strangers]:
    made = Strangers()
    yield made
    made.end()


@pytest.mark.parametrize("user", [NOBODY, None], ids=["another user's", "its own user's, from elsewhere"])
def test_a_marked_process_is_not_adopted_and_nothing_of_the_release_is_touched(
    supervised: Supervised, strangers: Strangers, user: int | None
) -> None:
    supervised.release(SHOWS)
    supervised.layout.secrets(RELEASE).write_text("KEY='kept'\n")
    stranger = strangers.start(supervised.layout, RELEASE, user=user)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    assert supervised.store.supervisor().releases[RELEASE].pid != stranger
    assert supervised.layout.secrets(RELEASE).read_text() == "KEY='kept'\n"
    supervised.layout.want(RELEASE).unlink()
    supervised.wait(lambda: not supervised.state())
    assert strangers.alive(), "it was told to stop"


@pytest.mark.parametrize("release", ["../../outside", "..", "", "20990101T000000Z-fffffff"])
def test_an_id_that_leads_elsewhere_or_that_nobody_knows_deletes_nothing(
    supervised: Supervised, strangers: Strangers, tmp_path: Path, release: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = [outside / "secrets.env", supervised.layout.root / "secrets.env"]
    for path in kept:
        path.write_text("KEY=kept\n")
    supervised.release(SHOWS)
    strangers.start(supervised.layout, release, user=NOBODY)
    (supervised.layout.wants / f"{release.replace('/', '')}.drain").touch()
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    assert [path.read_text() for path in kept] == ["KEY=kept\n"] * 2
    assert strangers.alive()


def test_a_strangers_listening_socket_is_not_taken(supervised: Supervised, strangers: Strangers) -> None:
    supervised.release(SHOWS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", supervised.port))
        taken.listen()
        strangers.start(supervised.layout, RELEASE, user=NOBODY, listener=taken)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "blocked")
    assert "can't listen" in supervised.store.supervisor().releases[RELEASE].problem
    assert supervised.store.supervisor().listening == ()


def test_what_runs_of_this_deployment_is_found(supervised: Supervised) -> None:
    supervised.release(SHOWS)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    found = adopt(supervised.layout)
    assert {release: process.pid for release, process in found.items()} == {RELEASE: supervised.pid()}
    for process in found.values():
        process.close()


def test_a_program_with_borrowed_rights_is_its_callers(tmp_path: Path) -> None:
    """Start a process as root with another user among its ids, like a set-user-ID program that a user started."""
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    for ids, ours in (((0, 0, 0), True), ((NOBODY, 0, 0), False), ((0, 0, NOBODY), False)):
        program = f"import os, time; os.setresuid{ids}; print(flush=True); time.sleep(600)"
        with subprocess.Popen([sys.executable, "-c", program], cwd=run, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert belongs(process.pid, run) is ours
            process.kill()


@pytest.mark.parametrize(
    ("directory", "owner", "mode", "said"),
    [
        ("run", NOBODY, 0o700, "belongs to"),
        ("wants", NOBODY, 0o700, "belongs to"),
        ("run", 0, 0o711, "is open to others"),
        ("wants", 0, 0o777, "may be written by others"),
        ("releases", 0, 0o770, "may be written by others"),
        ("..", 0, 0o777, "may be written by others"),
    ],
)
def test_no_supervisor_takes_orders_from_where_others_can_write(
    supervised: Supervised, directory: str, owner: int, mode: int, said: str
) -> None:
    place = (supervised.layout.root / directory).resolve()
    os.chown(place, owner, NOBODY)
    place.chmod(mode)
    argv = [sys.executable, "-m", "decodeat_ops.supervisor", str(supervised.layout.root)]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert said in ran.stderr and str(place) in ran.stderr
    assert not supervised.store.supervisor().alive


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x", "a.drain", "-/..", "ID\n"])
def test_what_is_no_id_never_becomes_a_path(name: str) -> None:
    layout = Layout(Path("/state"))
    for path in (layout.release, layout.secrets, layout.want, layout.drain, layout.socket, layout.busy, layout.log):
        with pytest.raises(Configuration, match="not the id of a release"):
            path(name)


def test_only_its_own_children_are_signalled(supervised: Supervised, strangers: Strangers) -> None:
    """Send no signal to a process number that a child had and another process has now."""
    supervised.release(IGNORES)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    (process,) = adopt(supervised.layout).values()
    stranger = strangers.start(supervised.layout, RELEASE, user=NOBODY)
    process._terminate_child(stranger)
    assert strangers.alive()
    process.send(signal.SIGKILL)
    process.close()


def test_looking_at_every_process_leaves_nothing_open(supervised: Supervised) -> None:
    """Of what looks alone open none is left. The rest counts over many looks: this process has other work, too."""
    supervised.release(SHOWS)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    looks, before = 50, handles()
    for _ in range(looks):
        for process in adopt(supervised.layout).values():
            process.close()
        for pidfd in holders(supervised.layout).values():
            os.close(pidfd)
    left = handles() - before
    assert not [of for _, of in left if of == "anon_inode:[pidfd]" or of.startswith("/proc/")], left
    assert len(left) < looks, left


def handles() -> set[tuple[str, str]]:
    """Return the number of every open handle of this process, and what it is of."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # such as that of the directory itself
            found.add((link.name, str(link.readlink())))
    return found


def test_a_process_that_cant_be_watched_is_not_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(pid: int, flags: int = 0) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", none_left)
    mark = f"WATCHED={tmp_path}".encode()
    with pytest.raises(OSError, match="Too many open files"):
        start(("/usr/bin/sleep", "600"), cwd=tmp_path, env={"WATCHED": str(tmp_path)}, log=tmp_path / "log", sockets=())
    left = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and mark in environ(entry)]
    assert left == []


def environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""
