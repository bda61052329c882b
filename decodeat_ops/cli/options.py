"""Define the options that commands share, as the parser reads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

COMMON, CHANGING = "Common options", "Options of a change"

Options = dict[str, tuple[Any, Any]]  # by name: its annotation, which the parser reads, and its default

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=COMMON)]
_Env = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="Environment: overlay decodeat-ops.NAME.toml.", rich_help_panel=COMMON),
]
_Target = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="TARGET", help="Where it is deployed to: local, ecs or vm.", rich_help_panel=COMMON
    ),
]
_Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings; else the nearest decodeat-ops.toml.", rich_help_panel=COMMON
    ),
]
_Lang = Annotated[
    str | None,
    typer.Option("--lang", metavar="en|ko", help="Language of checks and their findings.", rich_help_panel=COMMON),
]
_Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.", rich_help_panel=COMMON)]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Results and errors only.", rich_help_panel=COMMON)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.", rich_help_panel=CHANGING)]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Carry it out without asking.", rich_help_panel=CHANGING)]
_LockWait = Annotated[
    float,
    typer.Option(
        "--lock-wait",
        metavar="SECONDS",
        min=0.0,
        help="How long to wait for the lock; default 0.",
        rich_help_panel=CHANGING,
    ),
]

_SHARED: Options = {
    "json": (_Json, False),
    "env": (_Env, None),
    "target": (_Target, None),
    "config": (_Config, None),
    "lang": (_Lang, None),
    "debug": (_Debug, False),
    "quiet": (_Quiet, False),
}
_CHANGES: Options = {
    "dry_run": (_DryRun, False),
    "yes": (_Yes, False),
    "lock_wait": (_LockWait, 0.0),
}


def shared(changes: Sequence[str] | bool) -> Options:
    """Return the options that a command shares; `changes` adds those of a change, all of them or those named."""
    names = tuple(_CHANGES) if changes is True else tuple(changes or ())
    return {**{name: _CHANGES[name] for name in names}, **_SHARED}
