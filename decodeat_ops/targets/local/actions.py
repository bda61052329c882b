"""Collect every action of this machine, and bind them to one deployment."""

from collections.abc import Mapping
from functools import partial

from decodeat_ops.core.names import joined
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.local import (
    backup_actions,
    boot,
    environment_actions,
    migrate_actions,
    release_actions,
    restore_actions,
    traffic_actions,
)

ACTS = joined(
    backup_actions.ACTIONS,
    boot.ACTIONS,
    environment_actions.ACTIONS,
    migrate_actions.ACTIONS,
    release_actions.ACTIONS,
    restore_actions.ACTIONS,
    traffic_actions.ACTIONS,
)


def bound(machine: Machine) -> Mapping[str, Do]:
    """Return every action by name, for one machine."""
    return {name: partial(do, machine) for name, do in ACTS.items()}
