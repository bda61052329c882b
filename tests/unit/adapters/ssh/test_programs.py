"""Test programs on channels of their own: fed, followed and spoken with, and what a connection's end does to them."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from decodeat_ops.adapters.ssh import programs
from decodeat_ops.adapters.ssh.entrance import Entrance
from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.remote import Answer, Remote
from tests.support.local_remote import Cut, LocalRemote, Pipes
from tests.support.waiting import PATIENCE, wait_for


@pytest.fixture
def here() -> Iterator[LocalRemote]:
    with closing(LocalRemote("here")) as remote:
        yield remote


def test_what_is_sent_comes_byte_for_byte(here: LocalRemote, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    parts = (content[start : start + 70_001] for start in range(0, len(content), 70_001))
    answer = here.send(f"umask 077\ncat >{tmp_path}/file; echo said; echo meant >&2; exit 7", parts)
    assert (answer.status, answer.stdout, answer.stderr) == (7, "said\n", "meant\n")
    assert (tmp_path / "file").read_bytes() == content


def test_a_script_that_reads_not_all_says_why(here: LocalRemote) -> None:
    answer = here.send("head -c 5; echo full >&2; exit 3", [b"12345" * 100] * 1000)
    assert (answer.status, answer.stdout, answer.stderr) == (3, "12345", "full\n")


def test_nothing_to_send_is_an_empty_input(here: LocalRemote) -> None:
    assert here.send("wc -c", []).stdout.strip() == "0"
    assert here.send("wc -c", [b"", b"ab", b"", b"c"]).stdout.strip() == "3"


def test_sending_waits_for_the_reader_and_not_for_the_clock(here: LocalRemote, tmp_path: Path) -> None:
    taken: list[int] = []
    gate = tmp_path / "gate"

    def content() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"x" * 65536

    answers: list[str] = []
    script = f"until test -e {gate}; do sleep 0.02; done; wc -c"
    sending = threading.Thread(target=lambda: answers.append(here.send(script, content()).stdout.strip()))
    sending.start()
    wait_for(lambda: len(taken) > 1)
    time.sleep(0.3)
    assert len(taken) < 10
    gate.touch()
    sending.join()
    assert answers == [str(100 * 65536)]


def test_sending_that_stands_still_is_lost(here: LocalRemote) -> None:
    with pytest.raises(Lost, match="nothing moved"):
        here.send("sleep 600", [b"x" * 65536] * 100, timeout=0.3)  # never comes


def test_lines_come_one_by_one_and_the_last_one_without_its_end(here: LocalRemote, tmp_path: Path) -> None:
    with here.lines(f"echo one; until test -e {tmp_path}/go; do sleep 0.02; done; echo; printf 'drei é'") as lines:
        assert next(lines) == "one"
        (tmp_path / "go").touch()
        assert list(lines) == ["", "drei é"]


def test_lines_of_a_script_that_fails_end_with_what_it_says(here: LocalRemote) -> None:
    with here.lines("echo one; echo broken >&2; exit 4") as lines:
        assert next(lines) == "one"
        with pytest.raises(Unreachable, match="status 4: broken") as caught:
            next(lines)
        assert not isinstance(caught.value, Lost)


def test_a_line_without_an_end_comes_in_parts(here: LocalRemote) -> None:
    with here.lines("head -c 3000000 /dev/zero | tr '\\0' x") as lines:
        parts = list(lines)
    assert len("".join(parts)) == 3_000_000
    assert len(parts) > 1
    assert all(len(part) <= programs.LINE + (1 << 17) for part in parts)


def test_leaving_ends_a_script_that_says_nothing_and_what_it_started(here: LocalRemote) -> None:
    with here.lines("sleep 600 & echo $$ $!; exec sleep 600") as lines:
        pids = next(lines).split()
    for pid in pids:
        wait_for(lambda pid=pid: _gone(pid), otherwise=f"{pid} stays")  # type: ignore[misc]


def test_a_connection_that_breaks_off_ends_followed_and_held_programs(here: LocalRemote) -> None:
    with here.lines("echo $$; exec sleep 600") as lines, here.hold("echo $$; cat >/dev/null") as held:
        pids = next(lines), held.ask("x")
        here.break_off()
        for pid in pids:
            wait_for(lambda pid=pid: _gone(pid))  # type: ignore[misc]
        with pytest.raises(Lost):
            next(lines)
        with pytest.raises(Lost):
            held.ask("y")


def test_a_line_is_answered_with_a_line_whichever_thread_asks(here: LocalRemote) -> None:
    with here.hold('while IFS= read -r x; do printf "%s!\\n" "$x"; done') as held:
        said: list[bool] = []

        def ask(name: str) -> None:
            said.extend(held.ask(f"{name} {number} \\ é") == f"{name} {number} \\ é!" for number in range(50))

        threads = [threading.Thread(target=ask, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert said == [True] * 150
    with pytest.raises(ValueError, match="line break"):
        held.ask("a\nb")


def test_a_held_program_that_ends_or_is_silent_has_lost_the_question(here: LocalRemote) -> None:
    with here.hold("read x; echo refused >&2; exit 1") as held, pytest.raises(Lost, match="refused"):
        held.ask("please")
    with here.hold("read x; exec sleep 600") as held, pytest.raises(Lost, match=r"within 0\.2 s"):
        held.ask("please", timeout=0.2)  # never comes


def test_a_script_that_takes_too_long_is_lost_and_the_next_one_gets_a_new_shell(here: LocalRemote) -> None:
    before = here.run("echo $$").stdout
    with pytest.raises(Lost, match=r"within 0\.3 s") as caught:
        here.run("sleep 600", timeout=0.3)  # never comes
    assert "unknown" in caught.value.advice.state
    assert here.run("echo $$").stdout != before


def test_a_shell_that_is_gone_between_scripts_is_replaced(here: LocalRemote) -> None:
    pid = here.run("echo $$; (sleep 0.1; kill -9 $$) >/dev/null 2>&1 &").stdout.strip()
    wait_for(lambda: _gone(pid))
    assert here.run("echo on").stdout == "on\n"


def test_a_login_shell_that_talks_is_heard_out() -> None:
    entrance = Entrance()
    noise = "echo Welcome; echo ready-1; echo Beware >&2; "
    pipes = Pipes(("sh", "-c", noise + entrance.command), dict(os.environ))
    with closing(pipes):
        entrance.enter(pipes, "here", lambda: None, PATIENCE)
        assert programs.fed(pipes, "here", "cat", [b"only this"], PATIENCE) == Answer(0, "only this", "")


def test_cuts_say_what_was_run(tmp_path: Path) -> None:
    here = LocalRemote("here", cuts={0: Cut.REFUSED, 1: Cut.BEFORE, 2: Cut.AFTER})
    remote: Remote = here
    for name, error in (("refused", Unreachable), ("before", Lost), ("after", Lost)):
        with pytest.raises(Unreachable) as caught:
            remote.run(f"touch {tmp_path}/{name}")
        assert type(caught.value) is error
        assert (tmp_path / name).exists() == (name == "after")
    here.cut_on("special", Cut.BEFORE)
    assert remote.run("echo usual").stdout == "usual\n"
    with pytest.raises(Lost), remote.hold("cat # special"):
        pass
    with remote.hold("cat # special") as held:
        assert held.ask("x") == "x"
    assert len(here.scripts) == 6
    remote.close()


def _gone(pid: str) -> bool:
    """Whether a process ended; one that nobody has waited for counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
