"""Define the commands deploy, rollback, resume, start, stop, restart and remove."""

import difflib
from typing import Annotated

import typer

from decodeat_ops.cli.command import Run, command
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.outcome import Outcome

TARGETS = ("local",)  # a test compares this with the settings' schema, whose import (pydantic) takes half a second


@command(
    changes=True,
    examples=(
        "decodeat-ops deploy --dry-run     the plan, nothing changed",
        "decodeat-ops deploy               shows the plan and asks",
        "decodeat-ops deploy --yes --json  for scripts",
    ),
)
def deploy(
    run: Run,
    target: Annotated[str | None, typer.Option("--target", metavar="TARGET", help="Where to: local.")] = None,
) -> Outcome:
    """Prove a new release beside the old one, then switch.

    The new release starts on a private socket, is probed there, and takes the traffic with one rename; the old one
    finishes its requests. When anything fails before that, everything is undone and the old one goes on serving.
    Nothing to do is "0 changed".
    """
    if target is not None and target not in TARGETS:
        near = difflib.get_close_matches(target, TARGETS, n=1, cutoff=0.5)
        known = f"There is: {', '.join(TARGETS)}."
        raise Usage(
            f"There is no target {target!r}.",
            hint=f"Did you mean {near[0]}? {known}" if near else known,
            where="--target",
        )
    from decodeat_ops.cli.asking import change
    from decodeat_ops.wiring import local

    loaded = run.loaded() if target is None else run.loaded(target=target)
    return local.deploy(loaded, change(run, "deploy"))


@command(
    changes=True,
    examples=(
        "decodeat-ops rollback             to the release before",
        "decodeat-ops releases             which there are",
        "decodeat-ops rollback RELEASE     to a certain one",
    ),
)
def rollback(
    run: Run,
    release: Annotated[str | None, typer.Argument(metavar="[RELEASE]", help="Its id; else the one before.")] = None,
) -> Outcome:
    """Bring back an older release, with today's data.

    Code and settings are the older release's own; secrets are resolved anew, and data is never taken back.
    """
    from decodeat_ops.cli.asking import change
    from decodeat_ops.wiring import local

    return local.rollback(run.loaded(), change(run, "rollback"), release)


@command(
    changes=True,
    examples=(
        "decodeat-ops resume --dry-run",
        "decodeat-ops resume           goes on with it",
        "decodeat-ops resume --undo    just takes it back",
    ),
)
def resume(
    run: Run,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back instead of going on.")] = False,
) -> Outcome:
    """Continue a change that was interrupted, or undo it."""
    from decodeat_ops.cli.asking import change
    from decodeat_ops.wiring import local

    return local.resume(run.loaded(), change(run, "resume"), undo=undo)


@command(changes=True, examples=("decodeat-ops start",))
def start(run: Run) -> Outcome:
    """Start what was stopped, or what a reboot ended."""
    from decodeat_ops.cli.asking import change
    from decodeat_ops.wiring import local

    return local.start(run.loaded(), change(run, "start", asks=False))


@command(changes=True, examples=("decodeat-ops stop", "decodeat-ops stop --yes"))
def stop(run: Run) -> Outcome:
    """Finish what runs, take nothing new, and stop."""
    from decodeat_ops.cli.asking import change
    from decodeat_ops.wiring import local

    return local.stop(run.loaded(), change(run, "stop"))


@command(changes=True, examples=("decodeat-ops restart", "decodeat-ops restart --yes"))
def restart(run: Run) -> Outcome:
    """A fresh process of the same version, no request lost."""
    from decodeat_ops.cli.asking import change
    from decodeat_ops.wiring import local

    return local.restart(run.loaded(), change(run, "restart"))


@command(
    changes=True,
    examples=(
        "decodeat-ops remove --dry-run     what would go and what would stay",
        "decodeat-ops remove               asks for the deployment's name",
        "decodeat-ops remove --yes --name decodeat-production",
    ),
)
def remove(
    run: Run,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The deployment's name, needed with --yes.")
    ] = None,
    delete_data: Annotated[bool, typer.Option("--delete-data", help="Delete the data too.")] = False,
    delete_backups: Annotated[bool, typer.Option("--delete-backups", help="Delete the archives too.")] = False,
) -> Outcome:
    """Stop and delete this deployment.

    Data and backups stay unless --delete-data and --delete-backups are given.
    """
    from decodeat_ops.cli.asking import change, check_name
    from decodeat_ops.wiring import local

    loaded = run.loaded()
    check_name(run, loaded.deployment, name)
    how = change(run, "remove", typed=loaded.deployment)
    return local.remove(loaded, how, delete_data=delete_data, delete_backups=delete_backups)
