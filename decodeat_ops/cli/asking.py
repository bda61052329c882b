"""Ask a person to approve a plan or to type a name; handle Ctrl-C meanwhile."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from decodeat_ops.cli import selection
from decodeat_ops.cli.run import Run
from decodeat_ops.cli.visible import visible
from decodeat_ops.core.errors import Interrupted, Usage
from decodeat_ops.core.plan import Plan
from decodeat_ops.engine.settling import UNDO

if TYPE_CHECKING:
    from decodeat_ops.application.workflow import Change
    from decodeat_ops.cli.live import Watch


class Interruption:
    """Handle Ctrl-C: the first asks the engine to stop at the next safe place, the second stops it right there."""

    def __init__(self, watch: "Watch") -> None:
        self._watch = watch
        self._stop: Callable[[], None] | None = None
        self._asked = False
        self.answering = False

    def __call__(self, stop: Callable[[], None]) -> None:
        """Handle SIGINT and SIGTERM from now on. The change workflow passes `stop`, which makes the engine stop."""
        self._stop = stop
        signal.signal(signal.SIGINT, self._signalled)
        signal.signal(signal.SIGTERM, self._signalled)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.answering or self._asked or self._stop is None:
            raise KeyboardInterrupt
        self._asked = True
        self._stop()
        self._watch.say("Stopping at the next safe place. Ctrl-C again stops right here.")


def change(run: Run, verb: str, *, asks: bool = True, typed: str | None = None) -> "Change":
    """Return how this invocation makes a change: progress is shown, and a person approves it unless `--yes`.

    Without `asks` only the undo of an interrupted change needs approval. `typed` is a name that has to be typed instead
    of a plain y. Raises `Usage` when there is no terminal to ask on.
    """
    from decodeat_ops.application.workflow import Change
    from decodeat_ops.cli.live import Watch

    flags = "--yes" if typed is None else f"--yes --name {typed}"
    if asks:
        refuse_unattended(run, verb, flags)
    watch = Watch(lang=run.lang, quiet=run.quiet or run.json)
    run.at_end.append(watch.pause)
    interruption = Interruption(watch)

    def approve(plan: Plan) -> bool:
        if run.yes or (not asks and plan.verb != UNDO):
            return True
        refuse_unattended(run, verb, flags)
        watch.pause()
        interruption.answering = True
        show_plan(plan)
        try:
            return _agrees() if typed is None else _types(typed)
        except KeyboardInterrupt:
            return False  # the change workflow then says what was left how
        finally:
            interruption.answering = False

    return Change(
        dry_run=run.dry_run,
        approve=approve,
        emit=watch,
        lock_wait=run.lock_wait,
        interrupt=interruption,
        consent=f"answer {typed or 'y'}, or give {flags}",
    )


def refuse_unattended(run: Run, verb: str, flags: str = "--yes") -> None:
    """Refuse to ask where there is no terminal, and name the `flags` to give instead. Raises `Usage`."""
    if run.dry_run or run.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Usage(
            f"{verb} asks before it changes anything, and there is no terminal to ask on.",
            hint=f"Give {flags} to carry it out, or --dry-run to see what it would do.",
        )


def show_plan(plan: Plan) -> None:
    """Print on stderr what a plan would do, in order."""
    from rich.table import Table as Grid
    from rich.text import Text

    from decodeat_ops.cli import console

    talk = console.talk()
    talk.print(Text.assemble((plan.verb, "strong"), " ", plan.subject, (f"  {plan.deployment}", "muted")))
    facts = Grid.grid(padding=(0, 2, 0, 2))
    facts.add_column(style="label", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in plan.facts:
        facts.add_row(name, selection.commands(value))
    talk.print(facts)
    talk.print()
    steps = Grid.grid(padding=(0, 2, 0, 2))
    steps.add_column(justify="right", style="label", no_wrap=True)
    steps.add_column(overflow="fold")
    for number, step in enumerate(plan.steps, 1):
        steps.add_row(str(number), step.title)
    talk.print(steps)
    talk.print()


def ask(question: str) -> str:
    """Ask for one line; the question goes to stderr. Raises `Interrupted` when there is no more input."""
    sys.stderr.write(f"{visible(question)} ")
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # so that the next message begins on a line of its own
        raise
    if not line:
        sys.stderr.write("\n")
        raise Interrupted("There was no answer.", hint="Run it again at a terminal, or give --yes.")
    return line.strip()


def _agrees() -> bool:
    return ask("Carry it out? [y/N]").lower() in ("y", "yes")


def _types(name: str) -> bool:
    return ask(f"Type {name} to confirm:") == name


def check_name(run: Run, deployment: str, given: str | None) -> None:
    """Require the deployment's name on the command line where `--yes` skips the question. Raises `Usage`."""
    if run.dry_run or not run.yes:
        return
    if given is None:
        raise Usage(
            "--yes alone is not enough to remove a deployment.", hint=f"Give its name too: --yes --name {deployment}"
        )
    if given != deployment:
        raise Usage(
            f"--name {given} is not this deployment, which is {deployment}.",
            hint="Check --env and --config, then give the name of the deployment that you mean.",
        )
