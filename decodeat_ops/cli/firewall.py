"""Define the commands firewall plan, firewall apply and firewall status."""

from typing import Annotated

import typer

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome

Seconds = Annotated[
    int,
    typer.Option(
        "--revert-after",
        metavar="SECONDS",
        min=10,
        max=600,
        help="Go back by itself when no new connection confirms it in that time.",
    ),
]


@command(examples=("decodeat-ops firewall plan",))
def plan(run: Run, revert_after: Seconds = 60) -> Outcome:
    """Show what `firewall apply` would change.

    SSH open to vm.admin_addresses (to all without them), the two ports of clients open to all, and all else closed:
    also ports that containers publish, which pass by ufw alone.
    """
    from decodeat_ops.application import firewall
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.application.workflow import Change

    return firewall.apply(open_desk(run.loaded(), secrets={}), Change(dry_run=True), revert_after)


@command(changes=True, examples=("decodeat-ops firewall apply", "decodeat-ops firewall apply --revert-after 120 --yes"))
def apply(run: Run, revert_after: Seconds = 60) -> Outcome:
    """Change the firewall of every machine, SSH before all else.

    Each machine takes its change back by itself unless a new connection to it confirms that nobody is shut out.
    """
    from decodeat_ops.application import firewall
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.cli.asking import change

    loaded = run.loaded()
    how = change(run, "firewall apply")
    return firewall.apply(open_desk(loaded, secrets={}), how, revert_after)


@command(examples=("decodeat-ops firewall status", "decodeat-ops firewall status --json"))
def status(run: Run) -> Outcome:
    """Show every machine's rules as they are, and what differs."""
    from decodeat_ops.application import firewall
    from decodeat_ops.application.targets import open_desk

    return firewall.status(open_desk(run.loaded(), secrets={}))
