"""Define the commands init, config show, render and version."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.errors import Interrupted
from decodeat_ops.core.outcome import Outcome

TARGETS: Mapping[str, Literal["local", "ecs", "vm"]] = {"local": "local", "ecs": "ecs", "vm": "vm"}


@command(
    changes=("dry_run",),
    examples=(
        "decodeat-ops init                              asks for name and port",
        "decodeat-ops init --name decodeat --port 8000  asks nothing",
        "decodeat-ops init --target ecs                 for Amazon ECS",
        "decodeat-ops init --target vm                  for machines that you reach over SSH",
    ),
)
def init(
    run: Run,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The deployment's name.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port the service listens on.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace settings that differ; keep the old as .bak.")] = False,
) -> Outcome:
    """Write the first settings, explained, and a file for secrets."""
    from decodeat_ops.application import settings

    default_name, default_port = settings.defaults()
    target = TARGETS[run.target or "local"]
    path = (run.config or Path("decodeat-ops.toml")).expanduser().absolute()
    if not run.json and sys.stdin.isatty() and sys.stderr.isatty():
        from decodeat_ops.cli.asking import ask

        try:
            if name is None:
                name = ask(f"Name of the deployment [{default_name}]:") or default_name
            if port is None and target == "local":
                port = _port(ask(f"Port to listen on [{default_port}]:"), default_port)
        except KeyboardInterrupt:
            raise Interrupted(
                "Nothing was written.", hint="`decodeat-ops init --name NAME --port PORT` asks nothing."
            ) from None
    return settings.init(
        path,
        name or default_name,
        default_port if port is None else port,
        force=force,
        dry_run=run.dry_run,
        target=target,
    )


def _port(text: str, default: int) -> int:
    """Return the port, `default` for no text; 0, which `init` refuses with an explanation, for what is no number."""
    if not text:
        return default
    return int(text) if text.isascii() and text.isdigit() else 0


@command(
    examples=(
        "decodeat-ops config show                 every setting in force",
        "decodeat-ops config show --origin        and the file, variable or flag it comes from",
        "decodeat-ops config show --env staging   those of another environment",
    )
)
def config_show(
    run: Run,
    origin: Annotated[bool, typer.Option("--origin", help="Show where each setting comes from.")] = False,
) -> Outcome:
    """Show every setting in force, and where it comes from."""
    from decodeat_ops.application import settings

    return settings.show(run.loaded(), origin=origin)


@command(
    examples=(
        "decodeat-ops render               what a deploy would write",
        "decodeat-ops render --diff        against the release that serves",
        "decodeat-ops render --diff --against task-definition.json   against what you wrote by hand",
        "decodeat-ops render --out DIR     as files",
    )
)
def render(
    run: Run,
    diff: Annotated[bool, typer.Option("--diff", help="Compare with the release that serves.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write the files into this directory.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", metavar="FILE", help="Compare with a file written by hand, and name its mistakes."),
    ] = None,
) -> Outcome:
    """Show the configuration that a deploy would write.

    --against may be repeated. On ECS it takes a task definition, a service, a deploy script or a Dockerfile; on
    machines a Compose file, a file of nginx, a deploy script or a Dockerfile.
    """
    from decodeat_ops.application.render import render as wired

    return wired(run.loaded(), out, diff, tuple(against or ()))


@command(examples=("decodeat-ops version --json",))
def version(run: Run) -> Outcome:
    """Print this tool's version."""
    from decodeat_ops.application import settings

    return settings.version()
