"""Define the commands checklist, check and doctor."""

from pathlib import Path
from typing import Annotated

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.errors import Interrupted, OpsError
from decodeat_ops.core.outcome import Outcome

_Resume = Annotated[bool, typer.Option("--resume", help="Go on with the newest record.")]
_NonInteractive = Annotated[bool, typer.Option("--non-interactive", help="Ask no questions; open items exit 9.")]
_Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")]
_Export = Annotated[Path | None, typer.Option("--export", metavar="FILE", help="Write the record as one file.")]


@command(
    examples=(
        "decodeat-ops checklist pre-deploy",
        "decodeat-ops checklist pre-deploy --resume              only what is still open",
        "decodeat-ops checklist pre-deploy --non-interactive     for scripts",
    )
)
def pre_deploy(
    run: Run,
    resume: _Resume = False,
    non_interactive: _NonInteractive = False,
    junit: _Junit = None,
    export: _Export = None,
) -> Outcome:
    """Walk through what must be true before a deploy."""
    return _walk(run, "pre-deploy", resume, non_interactive, junit, export)


@command(
    examples=(
        "decodeat-ops checklist post-deploy",
        "decodeat-ops checklist post-deploy --junit post.xml",
    )
)
def post_deploy(
    run: Run,
    resume: _Resume = False,
    non_interactive: _NonInteractive = False,
    junit: _Junit = None,
    export: _Export = None,
) -> Outcome:
    """Walk through what must be true after a deploy."""
    return _walk(run, "post-deploy", resume, non_interactive, junit, export)


def _walk(run: Run, name: str, resume: bool, non_interactive: bool, junit: Path | None, export: Path | None) -> Outcome:
    import sys

    from decodeat_ops.application import checks
    from decodeat_ops.cli.live import Watch
    from decodeat_ops.cli.signoff import sign_off

    watch = Watch(lang=run.lang, quiet=run.quiet or run.json)
    run.at_end.append(watch.pause)

    def asked(question: checks.Question) -> checks.SignOff | None:
        watch.pause()
        return sign_off(question)

    someone = sys.stdin.isatty() and sys.stderr.isatty() and not run.json and not non_interactive
    how = checks.Walk(
        resume=resume, interactive=someone, ask=asked, emit=watch, lang=run.lang, junit=junit, export=export
    )
    try:
        return checks.checklist(run.loaded(), name, how)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(
            f"The checklist {name} was left before its end.",
            state="Nothing that serves was changed; what was answered so far is in its record.",
            hint=f"`decodeat-ops checklist {name} --resume` goes on.",
        ) from None


@command(examples=("decodeat-ops checklist records",))
def records(run: Run) -> Outcome:
    """List the records of checklists walked through."""
    from decodeat_ops.application import checks

    return checks.records(run.loaded())


@command(
    examples=("decodeat-ops checklist verify latest", "decodeat-ops checklist verify RECORD"),
)
def verify(
    run: Run,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="A record's name, a file, or latest.")],
) -> Outcome:
    """Look for damage in a record.

    Each line holds the hash of the one before: that detects accidents and edits by hand. It is no signature: a user who
    may write the file can write a new chain. Compare the head with the one that you noted.
    """
    from decodeat_ops.application import checks

    return checks.verify(run.loaded(), record)


@command(
    examples=(
        "decodeat-ops check                    list the checks",
        "decodeat-ops check disk.space         ask one",
        "decodeat-ops check api.label --lang ko",
    )
)
def check(
    run: Run,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The check's id; without it, list them.")] = None,
) -> Outcome:
    """Ask one check, or list them."""
    from decodeat_ops.application import checks
    from decodeat_ops.cli.live import Watch

    watch = Watch(lang=run.lang, quiet=run.quiet or run.json, findings=False)
    run.at_end.append(watch.pause)
    return checks.check(run.loaded(), name, watch, run.lang)


@command(examples=("decodeat-ops doctor", "decodeat-ops doctor --lang ko"))
def doctor(run: Run) -> Outcome:
    """Is everything on this machine that a deploy needs?"""
    from decodeat_ops.application import checks
    from decodeat_ops.cli.live import Watch

    watch = Watch(lang=run.lang, quiet=run.quiet or run.json, findings=False)
    run.at_end.append(watch.pause)
    try:
        loaded = run.loaded()
    except OpsError as error:
        return checks.doctor(None, watch, run.lang, error)
    return checks.doctor(loaded, watch, run.lang)
