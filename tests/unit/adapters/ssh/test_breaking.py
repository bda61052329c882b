"""Test what is said when a connection breaks off or falls silent: what was run, and that the next use is a new one."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.adapters.ssh.remote import SshRemote
from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.remote import Answer
from tests.servers.sshd import Sshd, descendants, sshd
from tests.support.waiting import wait_for
from tests.unit.adapters.ssh.conftest import Reached


class Asking(threading.Thread):
    """A script that is run beside the test."""

    def __init__(self, remote: SshRemote, script: str) -> None:
        super().__init__()
        self.remote, self.script = remote, script
        self.ended: Answer | Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.ended = self.remote.run(self.script)
        except Exception as error:
            self.ended = error


@pytest.fixture
def thawed(server: Sshd) -> Iterator[None]:
    yield
    server.cut(signal.SIGCONT)
    server.cut()


def test_a_connection_that_is_cut_in_a_script_is_lost_and_the_script_goes_on(
    server: Sshd, reach: Reached, tmp_path: Path
) -> None:
    begun, go, done = tmp_path / "begun", tmp_path / "go", tmp_path / "done"
    remote = reach()
    asking = Asking(remote, f"echo $$ >{begun}; until test -e {go}; do sleep 0.02; done; touch {done}")
    wait_for(lambda: begun.exists() and begun.read_text().endswith("\n"))
    server.cut()
    asking.join()
    assert isinstance(asking.ended, Lost)
    assert "broke off in the middle of a script" in str(asking.ended)
    assert "unknown" in asking.ended.advice.state
    go.touch()
    wait_for(done.exists)
    assert remote.run("echo anew").stdout == "anew\n"


def test_a_connection_that_is_cut_between_scripts_is_made_anew(server: Sshd, reach: Reached) -> None:
    remote = reach()
    remote.run("true")
    server.cut()
    wait_for(lambda: not server.sessions())
    wait_for(lambda: not remote.connected)
    assert remote.run("echo anew").stdout == "anew\n"


def test_a_cut_ends_what_is_followed_and_held(server: Sshd, reach: Reached) -> None:
    remote = reach()
    with remote.lines("echo $$; exec sleep 600") as lines, remote.hold("read x; echo $$; cat >/dev/null") as held:
        pids = next(lines), held.ask("x")
        server.cut()
        with pytest.raises(Lost):
            next(lines)
        with pytest.raises(Lost):
            held.ask("y")
    for pid in pids:
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]


def test_sending_over_a_cut_connection_is_lost(server: Sshd, reach: Reached) -> None:
    def content() -> Iterator[bytes]:
        for number in range(400):
            if number == 20:
                server.cut()
            yield os.urandom(65536)

    with pytest.raises(Lost, match="while it was sent to"):
        reach().send("cat >/dev/null", content())


@pytest.mark.usefixtures("thawed")
def test_a_machine_that_falls_silent_is_lost_at_the_deadline(server: Sshd, reach: Reached) -> None:
    remote = reach()
    remote.run("true")
    with remote.hold("while read x; do echo $x; done") as held:
        assert held.ask("a") == "a"
        server.cut(signal.SIGSTOP)
        with pytest.raises(Lost, match="within"):
            remote.run("true", timeout=0.3)  # never comes
        with pytest.raises(Lost, match="within"):
            held.ask("b", timeout=0.3)  # never comes
    remote.close()


@pytest.mark.usefixtures("thawed")
def test_sending_to_a_machine_that_falls_silent_is_lost(server: Sshd, reach: Reached) -> None:
    def content() -> Iterator[bytes]:
        for number in range(400):
            if number == 20:
                server.cut(signal.SIGSTOP)
            yield os.urandom(65536)

    with pytest.raises(Lost, match="nothing moved"):
        reach().send("cat >/dev/null", content(), timeout=0.5)  # never comes


def test_much_on_both_streams_passes_the_window(reach: Reached) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 5000000 /dev/zero | tr '\\0' o; exit 6"
    assert reach().run(script) == Answer(6, "o" * 5_000_000, "e" * 3_000_000)


def test_a_program_killed_by_a_signal_has_no_status_and_is_lost(reach: Reached) -> None:
    with pytest.raises(Lost):
        reach().send("kill -9 $$", [])


def test_leaving_ends_what_says_nothing(server: Sshd, reach: Reached) -> None:
    with reach().lines("sleep 600 & echo $$ $!; exec sleep 600") as lines:
        pids = next(lines).split()
        assert {int(pid) for pid in pids} <= set(descendants(os.getpid()))
    for pid in pids:
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]


def test_a_machine_that_opens_no_more_channels_says_so(reach: Reached) -> None:
    with sshd("MaxSessions=1") as narrow:
        remote = reach(narrow.config())
        remote.run("true")
        with pytest.raises(Unreachable, match="opens no channel") as caught, remote.hold("cat"):
            pass
        assert not isinstance(caught.value, Lost)
        assert "MaxSessions" in caught.value.advice.hint
        assert remote.run("echo on").stdout == "on\n"


def test_the_next_channel_is_open_before_it_is_needed(reach: Reached) -> None:
    with sshd("LogLevel=DEBUG1") as server:
        remote = reach(server.config())
        remote.run("true")

        def opened() -> int:
            return (server.directory / "log").read_text(errors="replace").count("input_session_request")

        wait_for(lambda: opened() == 2)
        with remote.hold("cat") as first, remote.hold("cat") as second:
            assert (first.ask("one"), second.ask("two")) == ("one", "two")
            wait_for(lambda: opened() == 4)
