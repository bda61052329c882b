"""Provide the configured target's actions, and the checks that can stop a release."""

from decodeat_ops.engine.executor import Actions
from decodeat_ops.targets.local.steps import Gates


def actions() -> Actions:
    """Return every action by name: those of the target, of backup and of restore."""
    from decodeat_ops.targets.local import (
        backup_actions,
        boot,
        environment_actions,
        migrate_actions,
        release_actions,
        restore_actions,
        traffic_actions,
    )

    rooms = (
        environment_actions,
        release_actions,
        traffic_actions,
        migrate_actions,
        backup_actions,
        restore_actions,
        boot,
    )
    return {name: do for room in rooms for name, do in room.ACTIONS.items()}


def gates() -> Gates:
    """Return the checks that can stop a release."""
    from decodeat_ops.checks import lists

    return Gates(before=lists.PRE_GATE, candidate=lists.CANDIDATE_GATE, after=lists.POST_GATE)
