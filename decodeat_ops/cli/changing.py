"""Define the commands deploy, rollback, resume, start, stop, restart, maintenance, prune, scale and remove."""

from typing import Annotated, Literal

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome


@command(
    changes=True,
    examples=(
        "decodeat-ops deploy --dry-run     the plan, nothing changed",
        "decodeat-ops deploy               shows the plan and asks",
        "decodeat-ops deploy --yes --json  for scripts",
        "decodeat-ops deploy --host api3   a machine that was added gets what the others serve",
    ),
)
def deploy(
    run: Run,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="With --target vm: this machine alone gets what the others serve."),
    ] = "",
) -> Outcome:
    """Prove a new release beside the old one, then switch.

    On this machine the new release starts on a private socket, is probed there, and takes the traffic with one rename;
    the old one finishes its requests. On machines it does so on each, on the first one before the others; on ECS it is
    a revision of its own, whose deployment is followed to the end. When anything fails before that, everything is
    undone and the old one goes on serving. Nothing to do is "0 changed".
    """
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "deploy")
    desk = open_desk(loaded)
    from decodeat_ops.application import verbs  # meanwhile machines are connected to

    return verbs.deploy(desk, how, host)


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

    Code and settings are the older release's own; secrets are resolved anew, and data is never taken back. What belongs
    to a platform's service and not to a release, such as its network and load balancer, is today's too.
    """
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "rollback")
    desk = open_desk(loaded)
    from decodeat_ops.application import verbs  # meanwhile machines are connected to

    return verbs.rollback(desk, how, release)


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
    from decodeat_ops.application import verbs
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "resume")
    return verbs.resume(open_desk(loaded, secrets={} if undo else None), how, undo=undo)


@command(changes=True, examples=("decodeat-ops start",))
def start(run: Run) -> Outcome:
    """Start what was stopped, or what a reboot ended."""
    from decodeat_ops.application import verbs
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "start", asks=False)
    return verbs.start(open_desk(loaded), how)


@command(changes=True, examples=("decodeat-ops stop", "decodeat-ops stop --yes"))
def stop(run: Run) -> Outcome:
    """Finish what runs, take nothing new, and stop."""
    from decodeat_ops.application import verbs
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "stop")
    return verbs.stop(open_desk(loaded), how)


@command(changes=True, examples=("decodeat-ops restart", "decodeat-ops restart --yes"))
def restart(run: Run) -> Outcome:
    """A fresh process of the same version, no request lost."""
    from decodeat_ops.application import verbs
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "restart")
    return verbs.restart(open_desk(loaded), how)


@command(changes=True, examples=("decodeat-ops maintenance on", "decodeat-ops maintenance off"))
def maintenance(
    run: Run,
    wanted: Annotated[Literal["on", "off"], typer.Argument(metavar="on|off", help="Whether clients are kept away.")],
) -> Outcome:
    """Keep clients away for a while, or let them in again.

    nginx answers 503 with Retry-After, but to /health and /ready; what runs goes on, and releases can be deployed.
    """
    from decodeat_ops.application import maintenance as keeping_away
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "maintenance")
    return keeping_away.maintain(open_desk(loaded, secrets={}), how, on=wanted == "on")


@command(changes=True, examples=("decodeat-ops prune --dry-run", "decodeat-ops prune"))
def prune(run: Run) -> Outcome:
    """Delete what is beyond retention: only with --target vm.

    A deploy does it at its end. This is for a smaller vm.keep_releases, or after deploys that failed.
    """
    from decodeat_ops.application import pruning
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "prune")
    return pruning.prune(open_desk(loaded, secrets={}), how)


@command(changes=True, examples=("decodeat-ops scale 4", "decodeat-ops scale 4 --dry-run"))
def scale(
    run: Run,
    count: Annotated[int, typer.Argument(metavar="COUNT", min=1, max=5000, help="How many tasks.")],
) -> Outcome:
    """Run another number of tasks of what serves.

    The number stays over deploys. Where autoscaling decides it, this refuses, and says how to change its bounds.
    """
    from decodeat_ops.application import scaling
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "scale")
    return scaling.scale(open_desk(loaded, secrets={}), how, count)


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
    from decodeat_ops.application import verbs
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change, check_name

    loaded = run.loaded()
    check_name(run, loaded.deployment, name)
    how = change(run, "remove", typed=loaded.deployment)
    return verbs.remove(open_desk(loaded, secrets={}), how, delete_data=delete_data, delete_backups=delete_backups)
