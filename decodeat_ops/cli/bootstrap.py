"""Define the command bootstrap."""

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome


@command(
    changes=True,
    examples=(
        "decodeat-ops --target ecs bootstrap --dry-run   what is missing",
        "decodeat-ops --target ecs bootstrap             makes it, once you have agreed",
    ),
)
def bootstrap(run: Run) -> Outcome:
    """Make what a first deploy needs: only with --target ecs and --target vm.

    On ECS: cluster, log group, image repository, secrets and roles; the network and the load balancer are yours: the
    settings name them. On machines: Docker with Compose v2, a network, directories, and security updates if you ask for
    them. Each is made only where it is missing: a second run is "0 changed".
    """
    from decodeat_ops.application.bootstrap import bootstrap as wired
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "bootstrap")
    return wired(open_desk(loaded), how)
