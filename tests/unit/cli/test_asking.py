"""Questions and Ctrl-C, with the real terminal and real signals."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.cli.asking import Interruption
from decodeat_ops.cli.live import Watch
from decodeat_ops.cli.problem import readable
from decodeat_ops.cli.run import Run
from decodeat_ops.cli.show import show
from decodeat_ops.core.outcome import Facts, Lines, Outcome, Table
from tests.unit.cli.program import REPOSITORY, environment, on_terminal, run

# Carries a real plan through the real workflow, with an action that waits at checkpoints.
CHANGE = """
import sys, time
from pathlib import Path
from decodeat_ops.cli.asking import change
from decodeat_ops.cli.boundary import run as bounded
from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Action, Plan, Step
import decodeat_ops.cli.looking as looking

def wait(context, params):
    print("at work", file=sys.stderr, flush=True)
    while True:
        context.checkpoint()
        time.sleep(0.05)

@command(changes=True)
def slow(run: Run) -> Outcome:
    from decodeat_ops.application.workflow import carry_out
    from decodeat_ops.application.targets import open_desk
    from tests.support.acting import acting
    step = Step("wait", "Wait a while", Action("wait"), Action("nothing"))
    plan = Plan("deploy", "tested-production", "x", (step,))
    actions = {"wait": wait, "nothing": lambda context, params: None}
    desk = acting(open_desk(run.loaded(), secrets={}), actions)
    how = change(run, "deploy")
    return carry_out(desk, "deploy", lambda observed: plan, how, lambda p, r: Outcome("deploy", "Done."))

looking.status = slow
sys.exit(bounded(["status", *sys.argv[1:]]))
"""


def slow(home: Path, *words: str, answers: str = "", interrupt_at: str = "") -> tuple[int, str]:
    (home / "decodeat_slow.py").write_text(CHANGE)
    path = f"{home}:{REPOSITORY}"
    return on_terminal(
        home, *words, answers=answers, interrupt_at=interrupt_at, module="decodeat_slow", PYTHONPATH=path
    )


def test_a_no_changes_nothing(home: Path) -> None:
    status, shown = slow(home, answers="n\n")
    assert status == 130
    assert "Wait a while" in shown
    assert "Carry it out? [y/N]" in shown
    assert "was not approved" in shown
    assert "Nothing was changed." in shown
    assert "at work" not in shown


def test_ctrl_c_at_the_question_changes_nothing(home: Path) -> None:
    status, shown = slow(home, interrupt_at="Carry it out?")
    assert status == 130
    assert "Nothing was changed." in shown


def test_the_first_ctrl_c_asks_the_engine_to_stop(home: Path) -> None:
    status, shown = slow(home, answers="y\n", interrupt_at="at work")
    assert status == 130
    assert "Stopping at the next safe place. Ctrl-C again stops right here." in shown
    assert "decodeat-ops resume" in shown
    opened = list((home / "state" / "tested-production" / "journal").glob("*.jsonl"))
    assert len(opened) == 1
    assert b'"how"' not in opened[0].read_bytes()


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_second_ctrl_c_forces(handlers: None) -> None:
    asked: list[str] = []
    interruption = Interruption(Watch(quiet=True))
    interruption(lambda: asked.append("stop"))
    os.kill(os.getpid(), signal.SIGINT)
    assert asked == ["stop"]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert asked == ["stop"]


def test_a_termination_is_asked_like_ctrl_c(handlers: None) -> None:
    asked: list[str] = []
    Interruption(Watch(quiet=True))(lambda: asked.append("stop"))
    os.kill(os.getpid(), signal.SIGTERM)
    assert asked == ["stop"]


def test_no_terminal_is_never_asked(home: Path) -> None:
    for verb in ("deploy", "rollback", "restart", "stop", "restore", "resume"):
        ran = run(home, verb, stdin="y\n")
        assert ran.status == 2, verb
        assert f"{verb} asks before it changes anything" in " ".join(ran.stderr.split())
        assert not (home / "state").exists()


def test_start_undoes_nothing_that_nobody_approved(home: Path) -> None:
    """It asks only when it has to undo an interrupted change first."""
    slow(home, answers="y\n", interrupt_at="at work")
    ran = run(home, "start")
    assert ran.status == 2
    assert "Give --yes to carry it out" in " ".join(ran.stderr.split())
    status, shown = on_terminal(home, "start", answers="n\n")
    assert status == 130
    assert "Undo: Wait a while" in shown and "Carry it out? [y/N]" in shown
    (journal,) = (home / "state" / "tested-production" / "journal").glob("*.jsonl")
    assert b'"how"' not in journal.read_bytes()


def test_the_end_of_input_is_a_no(home: Path) -> None:
    status, shown = on_terminal(home, "init", "--force", answers="\x04")
    assert status == 130
    assert "There was no answer." in shown


OUTCOME = Outcome(
    "status",
    "It serves.",
    blocks=(
        Facts((("release", "20261124T000000Z-abcdef0"), ("health", ("well", "good")))),
        Table(("name", "이름"), (("x", "한국어"), (("yy", "muted"), "b"))),
    ),
    warnings=("The disk is nearly full.",),
    next=("decodeat-ops logs", "decodeat-ops releases"),
)


def shown(outcome: Outcome, how: Run, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    from decodeat_ops.cli import console

    console.out.cache_clear()
    console.talk.cache_clear()
    try:
        show(outcome, how)
    finally:
        console.out.cache_clear()
        console.talk.cache_clear()
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_blocks_are_data_and_the_rest_is_talk(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = shown(OUTCOME, Run(), capsys)
    assert out.splitlines() == [
        "release  20261124T000000Z-abcdef0",
        "health   well",
        "",
        "name  이름",
        "x     한국어",
        "yy    b",
    ]
    assert err.splitlines() == [
        "✓ It serves.",
        "",
        "! The disk is nearly full.",
        "",
        "next  decodeat-ops logs",
        "      decodeat-ops releases",
    ]


def test_a_summary_alone_is_the_data_and_a_file_is_nothing_but_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Outcome("deploy", "0 changed."), Run(), capsys) == ("✓ 0 changed.\n", "")
    diff = Outcome("render", "1 file.", blocks=(Lines(("--- a", "+b" * 100), language="diff"),))
    assert shown(diff, Run(), capsys) == ("--- a\n" + "+b" * 100 + "\n", "✓ 1 file.\n")


def test_quiet_keeps_results_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = shown(OUTCOME, Run(quiet=True), capsys)
    assert "nearly full" in err
    assert "next" not in err


@pytest.mark.parametrize(("code", "sign"), [(0, "✓"), (4, "✗"), (9, "!"), (10, "!")])
def test_the_exit_code_has_a_sign(code: int, sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(Outcome("x", "Said.", exit_code=code), Run(), capsys)[0] == f"{sign} Said.\n"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("plain text", ["plain text"]),
        ("{not json", ["{not json"]),
        ('{"a": 1}', ['{"a": 1}']),
        ('{"level": "INFO", "message": "ready", "pid": 3}', ["INFO ready"]),
        (
            '{"level": "ERROR", "message": "no", "error": "Traceback\\n  File a\\n    f()\\n    ^^^\\nOSError: x"}',
            ["ERROR no", "  File a", "  f()", "  OSError: x"],
        ),
    ],
)
def test_a_log_line_is_told_readably(line: str, parts: list[str]) -> None:
    assert readable(line) == parts


def test_ids_stay_in_one_piece_on_a_screen_of_eighty(home: Path) -> None:
    names = ["20261124T000000Z-abcdef0", "2026-11-24 03:06:54", "operator", "restart", "d49c5772a889-dirty-and-more"]
    code = (
        "from decodeat_ops.cli.run import Run\nfrom decodeat_ops.cli.show import show\n"
        "from decodeat_ops.core.outcome import Outcome, Table\n"
        f"show(Outcome('x', 's', blocks=(Table(('a', 'b', 'c', 'd', 'e'), ({tuple(names)!r},)),)), Run())\n"
    )
    (home / "decodeat_table.py").write_text(code)
    _, told = on_terminal(home, module="decodeat_table", PYTHONPATH=f"{home}:{REPOSITORY}")
    plain = re.sub(r"\x1b\[[0-9;?]*[a-z]", "", told)
    assert max(map(len, plain.splitlines())) <= 80
    assert all(name in plain for name in names[:4])


def test_markup_in_data_is_just_text(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("x", "[bold]a[/bold] :smile:", blocks=(Facts((("k", "[red]v"),)),))
    out, err = shown(outcome, Run(), capsys)
    assert "[red]v" in out
    assert "[bold]a[/bold] :smile:" in err


def test_an_encoding_without_the_signs_gets_words(home: Path) -> None:
    ran = run(home, "version", PYTHONIOENCODING="ascii")
    assert (ran.status, ran.stdout) == (0, "ok decodeat-ops 0.1.0\n")


def test_closed_streams_change_no_exit_code(home: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m decodeat_ops version 2>&- >&-; echo $?"],
        cwd=home, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "0\n"
