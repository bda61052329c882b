"""Define the command logs: the service's own lines, the last ones or as they come."""

import json
import sys
from typing import Annotated

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.cli.streams import forget_streams
from decodeat_ops.core.outcome import SCHEMA
from decodeat_ops.core.view import LogLine


@command(
    examples=(
        "decodeat-ops logs                     the last 100 lines",
        "decodeat-ops logs -f -n 20            the last 20, then every new one",
        "decodeat-ops logs --release RELEASE   of another release",
        "decodeat-ops logs --supervisor        of the process that keeps it running",
        "decodeat-ops logs -f --part nginx     with --target vm: nginx, redis or postgres",
    )
)
def logs(
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines; default 100.")] = 100,
    release: Annotated[
        str | None, typer.Option("--release", metavar="RELEASE", help="Of this release; else the one that serves.")
    ] = None,
    supervisor: Annotated[bool, typer.Option("--supervisor", help="The supervisor's own log.")] = False,
    part: Annotated[
        str, typer.Option("--part", metavar="PART", help="With --target vm: of nginx, redis or postgres.")
    ] = "",
) -> None:
    """The service's log, across rotation and deploys.

    On ECS of all tasks, with several machines of all of them: each line with its task or machine.
    """
    from decodeat_ops.application.logs import log
    from decodeat_ops.cli.visible import visible

    def put(line: LogLine) -> None:
        if run.json:
            told = {"schema": SCHEMA, "release": line.release, "line": line.line}
            text = json.dumps(told | ({source: line.source} if line.source else {}), ensure_ascii=False)
        else:
            text = f"{line.source} {line.line}" if line.source else line.line
        sys.stdout.write(visible(text) + "\n")

    def switched(name: str) -> None:
        if not run.quiet:
            sys.stderr.write(visible(f"-- release {name} serves from here on") + "\n")

    loaded = run.loaded()
    source = "host" if loaded.settings.target == "vm" else "task"
    found = log(loaded, release, supervisor=supervisor, part=part)
    try:
        for line in found.follow(lines, switched) if follow else found.last(lines):
            put(line)
            if follow:
                sys.stdout.flush()
        sys.stdout.flush()
    except BrokenPipeError:
        forget_streams()
    except KeyboardInterrupt:
        return  # how one stops following; nothing was interrupted
