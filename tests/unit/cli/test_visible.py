"""Test that text from outside never controls the operator's terminal, in whatever way it is printed."""

import ast
import io
import json
import re
from pathlib import Path

import pytest
from rich.text import Text

from decodeat_ops import archive
from decodeat_ops.archive import Manifest, Member
from decodeat_ops.cli import console
from decodeat_ops.cli.visible import visible
from tests.unit.cli.program import REPOSITORY, on_terminal, run

RELEASE = "20261124T000001Z-aaaaaaa"
HOSTILE = "a\x1b]0;owned\x07b\x9b31mc\u202ed\u2066e\u200bf\u2028g\x7fh"
SHOWN = "a\\u001b]0;owned\\u0007b\\u009b31mc\\u202ed\\u2066e\\u200bf\\u2028g\\u007fh"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f]")


def test_what_a_terminal_would_obey_or_hide_is_written_out() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("한국어 ①\ttab\nline ✓") == "한국어 ①\ttab\nline ✓"
    assert visible("\udcff") == "\\udcff", "a byte of a file name that is not UTF-8"
    assert json.loads(f'"{visible(chr(0xE0041))}"') == chr(0xE0041), "as JSON writes it"


def test_a_request_path_in_a_log_does_nothing_to_the_terminal(home: Path) -> None:
    log = home / "state" / "tested-production" / "logs" / f"{RELEASE}.log"
    log.parent.mkdir(parents=True)
    (home / "state" / "tested-production" / "active").symlink_to(f"releases/{RELEASE}")
    line = json.dumps({"path": HOSTILE}, ensure_ascii=False)
    log.write_text(f"{HOSTILE}\n{line}\n")
    ran = run(home, "logs")
    assert not OBEYED.search(ran.stdout)
    assert ran.stdout.splitlines()[0] == SHOWN
    assert json.loads(ran.stdout.splitlines()[1]) == {"path": HOSTILE}, "a line that is JSON stays the same JSON"
    ran = run(home, "logs", "--json")
    assert not OBEYED.search(ran.stdout)
    assert json.loads(ran.stdout.splitlines()[0])["line"] == HOSTILE


@pytest.fixture
def planted(home: Path) -> Path:
    """Put an archive into the list whose manifest has terminal control characters."""
    snapshot = "20261124T000001Z-0000"
    (home / "state" / "tested-production" / "backups").mkdir(parents=True)
    log = home / "a.log"
    log.touch()
    blank = Manifest(
        snapshot=snapshot,
        deployment=HOSTILE,
        tool="1",
        created_at=HOSTILE,
        release={},
        settings={},
        parts={part: () for part in archive.PARTS},
        partial=(HOSTILE,),
    )
    archive.write(
        home / "state" / "tested-production" / "backups" / f"{snapshot}.tar.zst", blank, (Member("logs/a.log", log),)
    )
    return home


def test_an_archives_manifest_does_nothing_to_the_terminal(planted: Path) -> None:
    for words in (("backup", "list"), ("backup", "verify"), ("backup", "verify", HOSTILE), ("restore", "--dry-run")):
        for more in ((), ("--json",)):
            ran = run(planted, *words, *more)
            assert not OBEYED.search(ran.stdout + ran.stderr), (words, more)
            assert "owned" in ran.stdout + ran.stderr, (words, more)
    _, shown = on_terminal(planted, "backup", "verify")
    assert "\x1b]0;" not in shown
    assert "\\u001b]0;owned" in shown


def test_every_way_through_the_consoles_is_covered() -> None:
    stream = io.StringIO()
    out = console._Console(file=stream, width=200, force_terminal=True)
    out.print(HOSTILE)
    out.print(Text.assemble(("x", "bold"), HOSTILE))
    assert "\x1b[1m" in stream.getvalue(), "colours of our own stay"
    assert not OBEYED.search(re.sub("\x1b\\[[0-9;]*m", "", stream.getvalue()))
    assert stream.getvalue().count("\\u009b31m") == 2


def test_nothing_is_printed_past_the_one_place() -> None:
    """Allow code to write to a stream itself only a text of our own, or one passed through `visible`."""
    # Separate programs, whose output the command line reads and prints itself.
    read = ("decodeat_ops/supervisor/__main__.py", "decodeat_ops/deployment/whole_environment.py")
    own = (r"sys.stderr.write('\n')", r"sys.stdout.write(f'decodeat-ops {__version__}\n')")
    found = []
    for path in sorted((REPOSITORY / "decodeat_ops").rglob("*.py")):
        if path.relative_to(REPOSITORY).as_posix() in read:
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            text = ast.unparse(call) if isinstance(call, ast.Call) else ""  # programs in strings run elsewhere
            if re.match(r"print\(|[\w.]*\bstd(out|err)\.write\(", text) and "visible(" not in text and text not in own:
                found.append(f"{path.relative_to(REPOSITORY)}: {text}")
    assert found == []
