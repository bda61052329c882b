"""Check what only ECS can tell: deployment, targets, alarms, logs, metrics, and what a deploy needs in AWS."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from decodeat_ops.core.check import Check
from decodeat_ops.targets.ecs.checks import account, code, counters, logs, metrics, rollback, security, service
from decodeat_ops.targets.ecs.place import Place

MODULES = (account, code, counters, logs, metrics, rollback, security, service)

DOCTOR = (
    "machine.python",
    "machine.settings",
    "machine.secrets",
    "environment.valid",
    "ecs.identity",
    "ecs.endpoint",
    "ecs.platform",
    "ecs.roles",
    "ecs.registry",
    "ecs.secrets",
    "ecs.network",
    "ecs.engine",
    "ecs.rights",
    "ecs.quota",
    "ecs.alarms",
)

# What more ECS itself says to the items of the checklists, by the item's id.
PROVES: Mapping[str, tuple[str, ...]] = {
    "pre.environment": ("ecs.identity", "ecs.endpoint", "ecs.secrets"),
    "pre.monitoring": ("ecs.alarms",),
    "post.health": ("ecs.deployment", "ecs.targets"),
    "post.time": ("ecs.latency",),
    "post.errors": ("ecs.errors",),
    "post.alerts": ("ecs.alarms",),
}


def bound(place: Place) -> Mapping[str, Check]:
    """Return these checks by id, for one deployment."""
    return {
        check.id: replace(check, probe=partial(check.probe, place)) for module in MODULES for check in module.CHECKS
    }
