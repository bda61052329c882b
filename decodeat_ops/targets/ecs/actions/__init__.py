"""Collect every action of ECS, and bind them to one deployment."""

from collections.abc import Mapping
from functools import partial

from decodeat_ops.core.names import joined
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.ecs import bootstrap, scaling
from decodeat_ops.targets.ecs.actions import (
    confirm,
    follow,
    halt,
    migrate,
    prune,
    register,
    removal,
    secrets,
    update,
    update_back,
)
from decodeat_ops.targets.ecs.place import Acts, Place

ACTS: Acts = joined(
    bootstrap.ACTIONS,
    confirm.ACTIONS,
    follow.ACTIONS,
    halt.ACTIONS,
    migrate.ACTIONS,
    prune.ACTIONS,
    register.ACTIONS,
    removal.ACTIONS,
    scaling.ACTIONS,
    secrets.ACTIONS,
    update.ACTIONS,
    update_back.ACTIONS,
)


def bound(place: Place) -> Mapping[str, Do]:
    """Return every action by name, for one place."""
    return {name: partial(do, place) for name, do in ACTS.items()}
