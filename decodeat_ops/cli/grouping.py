"""Define what the program and its groups do before a command, and without one."""

from typing import Annotated

import typer

from decodeat_ops.cli.command import group
from decodeat_ops.cli.run import Run
from decodeat_ops.core.errors import Usage


def _version(asked: bool) -> None:
    if asked:
        from decodeat_ops import __version__

        typer.echo(f"decodeat-ops {__version__}")
        raise typer.Exit(0)


@group(
    examples=(
        "decodeat-ops init                     write the first settings",
        "decodeat-ops doctor                   is this machine ready?",
        "decodeat-ops deploy --dry-run         what would be done",
        "decodeat-ops deploy                   a new release, no request lost",
        "decodeat-ops rollback                 back to the release before",
        "decodeat-ops logs -f                  follow the service's log",
    )
)
def program(
    ctx: typer.Context,
    run: Run,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    nothing_below(ctx, run)


@group()
def nothing(ctx: typer.Context, run: Run) -> None:
    nothing_below(ctx, run)


def nothing_below(ctx: typer.Context, run: Run) -> None:
    """Show the help of a group that was named without a command, and exit 2. With --json raise `Usage`."""
    if run.json:
        raise Usage("No command was given.", hint=f"`{ctx.command_path} --help` lists them.")
    typer.echo(ctx.get_help(), err=True)
    raise typer.Exit(Usage.code)
