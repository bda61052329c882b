"""Collect every action of virtual machines, and bind them to one deployment."""

from collections.abc import Mapping
from functools import partial

from decodeat_ops.core.names import joined
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.vm import bootstrap, firewall, images
from decodeat_ops.targets.vm.actions import (
    admitting,
    certifying,
    edging,
    halting,
    laying,
    migrating,
    removing,
    retiring,
    starting,
)
from decodeat_ops.targets.vm.place import Acts, Place

ACTS: Acts = joined(
    admitting.ACTIONS,
    bootstrap.ACTIONS,
    certifying.ACTIONS,
    edging.ACTIONS,
    firewall.ACTIONS,
    halting.ACTIONS,
    images.ACTIONS,
    laying.ACTIONS,
    migrating.ACTIONS,
    removing.ACTIONS,
    retiring.ACTIONS,
    starting.ACTIONS,
)


def bound(place: Place) -> Mapping[str, Do]:
    """Return every action by name, for one place."""
    return {name: partial(do, place) for name, do in ACTS.items()}
