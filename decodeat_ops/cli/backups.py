"""Define the commands backup, backup list, backup verify and restore."""

from pathlib import Path
from typing import Annotated

import typer

from decodeat_ops.cli.command import command, group
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome


@group(
    changes=True,
    examples=(
        "decodeat-ops backup                   back up now; nothing is stopped",
        "decodeat-ops backup list              which archives there are",
        "decodeat-ops backup verify latest     is the newest one whole?",
    ),
)
def backup(run: Run) -> Outcome:
    """Back up data, code and settings."""
    from decodeat_ops.application import backups
    from decodeat_ops.cli.asking import change

    return backups.backup(run.loaded(), change(run, "backup", asks=False))


@command(examples=("decodeat-ops backup list",))
def archives(run: Run) -> Outcome:
    """List the archives, newest first."""
    from decodeat_ops.application import backups

    return backups.backups(run.loaded())


@command(examples=("decodeat-ops backup verify latest", "decodeat-ops backup verify SNAPSHOT"))
def verify(
    run: Run,
    snapshot: Annotated[str, typer.Argument(metavar="[SNAPSHOT]", help="Its id, or latest.")] = "latest",
) -> Outcome:
    """Read an archive from end to end and compare every checksum."""
    from decodeat_ops.application import backups

    return backups.verify(run.loaded(), snapshot)


@command(
    changes=True,
    examples=(
        "decodeat-ops restore --dry-run        what the newest archive would bring back",
        "decodeat-ops restore latest           beside what serves, then switch",
        "decodeat-ops restore --only database  one part alone",
        "decodeat-ops restore --archive FILE   from a file brought from elsewhere",
    ),
)
def restore(
    run: Run,
    snapshot: Annotated[str, typer.Argument(metavar="[SNAPSHOT]", help="Its id, or latest.")] = "latest",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PART", help="Bring back this part alone; may be repeated.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option("--archive", metavar="FILE", help="An archive that is not in the list.")
    ] = None,
    outside: Annotated[
        list[Path] | None,
        typer.Option(
            "--outside", metavar="PATH", help="A place beside the settings' directory that it may write to too."
        ),
    ] = None,
    origin: Annotated[
        str, typer.Option("--from", metavar="NAME", help="The deployment whose archive it is, if it is another one.")
    ] = "",
) -> Outcome:
    """Bring back an archive's release and data.

    It is a deploy of what the archive holds, with the archive's data as a new generation: what serves is not
    stopped for it, and the way back is the same rename.
    """
    from decodeat_ops.application import backups
    from decodeat_ops.cli.asking import change

    changing = change(run, "restore")
    loaded, held = backups.settings_for_restore(run.config, run.env, archive, run.overrides)
    return backups.restore(
        loaded,
        changing,
        snapshot,
        tuple(only or ()),
        archive,
        outside=tuple(outside or ()),
        held=held,
        origin=origin,
    )
