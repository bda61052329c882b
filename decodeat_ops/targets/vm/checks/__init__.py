"""Check what only the machines can tell: themselves, what runs there and how, the edge, logs, the way back."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from decodeat_ops.core.check import Check
from decodeat_ops.targets.vm.checks import certificate, counters, label, logs, machines, rollback, security, serving
from decodeat_ops.targets.vm.place import Place

MODULES = (machines, certificate, counters, label, logs, rollback, security, serving)

DOCTOR = (
    "machine.python",
    "machine.settings",
    "machine.secrets",
    "environment.valid",
    "vm.reached",
    "vm.docker",
    "vm.store",
    "vm.clock",
    "disk.space",
    "vm.ports",
    "vm.records",
    "certificate.valid",
)

# What more the machines say to the items of the checklists, by the item's id.
PROVES: Mapping[str, tuple[str, ...]] = {
    "pre.environment": ("vm.reached", "vm.docker", "vm.clock"),
    "pre.security": ("vm.published", "vm.secrets"),
    "pre.rollback": ("vm.records",),
    "post.health": ("vm.same", "vm.edge", "vm.answers"),
}


def bound(place: Place) -> Mapping[str, Check]:
    """Return these checks by id, for one deployment."""
    return {
        check.id: replace(check, probe=partial(check.probe, place)) for module in MODULES for check in module.CHECKS
    }
