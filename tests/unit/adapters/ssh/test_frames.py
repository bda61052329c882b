"""Test that a shell's scripts stay apart, whatever they are, read and write: with dash and with bash as sh."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from decodeat_ops.adapters.ssh.duplex import Came
from decodeat_ops.adapters.ssh.shell import BOUND, Shell, Stream, frame
from decodeat_ops.core.errors import Lost
from decodeat_ops.core.remote import Answer
from tests.support.local_remote import LocalRemote
from tests.support.waiting import wait_for

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
WORDS = st.lists(st.sampled_from(["'", '"', "\\", "\n", "$x", "`", "#", "!", "%s", "\r", "é한", "EOF", "<<", "&", " "]))


@pytest.fixture(scope="module", params=["dash", "bash"])
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRemote]:
    programs = tmp_path_factory.mktemp("programs")
    (programs / "sh").symlink_to(Path("/bin") / request.param)
    with closing(LocalRemote(variables={"PATH": f"{programs}:/usr/bin:/bin"})) as remote:
        assert remote.run('[ -n "$BASH_VERSION" ] && echo bash || echo dash').stdout.strip() == request.param
        yield remote


@settings(max_examples=25)
@drawn(TEXT)
def test_a_script_reads_what_it_is_given(here: LocalRemote, text: str) -> None:
    assert here.run("cat", given=text) == Answer(0, text, "")


@settings(max_examples=25)
@drawn(WORDS, TEXT)
def test_a_script_is_what_it_was_here(here: LocalRemote, words: list[str], text: str) -> None:
    script = f"cat <<'EnD'\n{''.join(words)}\nEnD\ncat >&2; exit {len(words)}"
    assert here.run(script, given=text) == Answer(len(words), "".join(words) + "\n", text)


def test_odd_bytes_come_as_they_can(here: LocalRemote) -> None:
    answer = here.run(r"printf '\000\377\201a\303'; printf '\200' >&2")
    assert answer == Answer(0, "\0\ufffd\ufffda\ufffd", "\ufffd")


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("exit 255", 255), ("exit 0", 0), ("kill -9 $$; true", None), ("(exit 3); echo $? >/dev/null; false", 1),
        ("set -e; false; exit 9", 1), ("if true; then", 2), ("echo 'open", 2), ("no-such-program-here", 127),
        ("", 0), ("# only a comment", 0), ("trap 'exit 4' EXIT", 4), ("set -u; echo $nothing", None), ("exec false", 1),
        ("sh -c 'kill -9 $$'", 137), ("true &", 0), ("exit 5\n", 5), ("true\\", 127),
    ],
)  # fmt: skip
def test_a_script_ends_with_its_status_and_leaves_the_shell_alone(
    here: LocalRemote, script: str, status: int | None
) -> None:
    """The one that kills the root shell itself is lost; the next script gets a new shell."""
    if "kill -9 $$; true" in script:
        with pytest.raises(Lost):
            here.run(script)
    else:
        ended = here.run(script).status
        assert ended == status if status is not None else ended > 0
    assert here.run("echo on").stdout == "on\n"


def test_scripts_leave_nothing_to_the_next_one(here: LocalRemote) -> None:
    here.run("cd /; x=1; export y=2; f() { :; }; exec 3>/dev/null; umask 777; trap : TERM; set -f -u")
    said = here.run("pwd; echo ${x-no} ${y-no}; command -v f; umask; echo /b*; test -e /proc/self/fd/3 || echo closed")
    place, *others = said.stdout.splitlines()
    assert place != "/"
    assert others[:2] == ["no no", "0022"]
    assert others[2].startswith("/bin ")
    assert others[3:] == ["closed"]


def test_a_script_does_not_eat_the_commands_of_the_shell(here: LocalRemote) -> None:
    assert here.run("cat; read x; head -c 1").stdout == ""
    assert here.run("read x; echo $x", given="one\ntwo\n").stdout == "one\n"
    assert here.run("true", given="x" * 300_000).status == 0
    assert here.run("wc -c", given="x" * 300_000).stdout.strip() == "300000"


def test_much_on_both_streams_comes_whole(here: LocalRemote) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' o; head -c 3000000 /dev/zero | tr '\\0' e >&2; printf end"
    assert here.run(script) == Answer(0, "o" * 3_000_000 + "end", "e" * 3_000_000)


def test_more_than_the_bound_is_refused(here: LocalRemote) -> None:
    with pytest.raises(Lost, match="more than 16 MiB"):
        here.run(f"head -c {BOUND + 1} /dev/zero")
    assert len(here.run(f"head -c {BOUND} /dev/zero").stdout) == BOUND


def test_programs_left_behind_do_not_hold_a_script_up(here: LocalRemote, tmp_path: Path) -> None:
    answer = here.run("(exec >/dev/null 2>&1; sleep 600) & echo $!")
    assert here.run(f"kill {answer.stdout.strip()}").status == 0


def test_what_comes_late_from_an_earlier_script_is_dropped(here: LocalRemote, tmp_path: Path) -> None:
    fifo, done = tmp_path / "fifo", tmp_path / "done"
    here.run(f"mkfifo {fifo}; (read x <{fifo}; echo late; echo late >&2; echo >{done}) &")
    fifo.write_text("go\n")
    wait_for(done.exists)
    assert here.run("echo mine") == Answer(0, "mine\n", "")


def test_scripts_and_what_they_are_given_show_in_no_process_list(here: LocalRemote) -> None:
    script = "# needle in a script\ncat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"
    shown = here.run(script, given="needle in what is given").stdout
    assert "sh" in shown
    assert "needle" not in shown


class Odd:
    """The way to a machine that was taken over, and says what it likes."""

    ended = False
    mark = b""

    def write(self, content: memoryview, seconds: float) -> int:
        self.mark = bytes(content).split()[2].rstrip(b";")
        return len(content)

    def finish(self) -> None: ...

    def read(self, seconds: float) -> Came:
        return Came(self.mark * 2 + b"all is well\n", self.mark * 2)

    def status(self, seconds: float) -> int | None: ...

    def close(self) -> None: ...


def test_a_machine_that_says_no_status_is_lost() -> None:
    with pytest.raises(Lost, match="says no status"):
        Shell(Odd(), "there").run("true", "", 60.0)


def test_marks_are_new_each_time_and_the_output_can_not_end_itself(here: LocalRemote) -> None:
    seen = here.run("tr '\\0' '\\n' </proc/$$/cmdline; echo; env; set").stdout
    marks = re.compile(r"\b[0-9a-f]{32}\b")
    assert {*marks.findall(seen)} <= {*marks.findall(" ".join(os.environ.values()))}


def test_a_stream_is_cut_at_its_marks_however_it_comes() -> None:
    whole = b"before MARKwhat MAR MARKis saidMARK0\n"
    for size in range(1, len(whole)):
        stream = Stream(b"MARK")
        for start in range(0, len(whole), size):
            stream.add(whole[start : start + size])
        assert (stream.text, stream.after[:1]) == ("what MAR ", b"i")


def test_a_zero_byte_can_not_be_passed_on() -> None:
    for script, text in (("a\0", ""), ("a", "\0")):
        with pytest.raises(ValueError, match="zero byte"):
            frame(script, text, "mark")
