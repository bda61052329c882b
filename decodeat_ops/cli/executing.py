"""Define the command exec: a program inside of what runs, on the operator's terminal."""

import sys
from typing import Annotated

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.errors import Usage


@command(
    examples=(
        "decodeat-ops exec                            a shell in the newest task",
        "decodeat-ops exec -- python -m decodeat --schema",
        "decodeat-ops exec --task 1a2b3c4d -- ls -l   in a certain one",
        "decodeat-ops exec --host api2 -- python -m decodeat --check-env   on a machine",
    )
)
def run_inside(
    run: Run,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND]", help="What to run; a shell without it.")
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            "--task", "--host", metavar="NAME", help="The task, by the start of its id; the machine, or machine/colour."
        ),
    ] = "",
) -> None:
    """Run a command inside a running task or container, on your terminal.

    On machines over SSH it leads to what clients reach, on the first one, and takes the program ssh on this machine. On
    ECS it takes ECS Exec (`exec = true` under [ecs]) and Amazon's session-manager-plugin on this machine. Ctrl-C
    reaches the program in the task. ECS does not tell how that program ended: the exit code is the session's.
    """
    from decodeat_ops.application import executing
    from decodeat_ops.cli.visible import visible

    if run.json:
        raise Usage("exec gives you a terminal, which is no JSON.", hint="Run it without --json.")

    def say(where: str) -> None:
        if not run.quiet:
            sys.stderr.write(visible(f"-- {where}") + "\n")
            sys.stderr.flush()

    status = executing.enter(run.loaded(), words or (), task, say)
    if status:
        raise typer.Exit(status)
