"""Check what only this machine can tell: its disk, ports, processes, files, archives and Python environments."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from decodeat_ops.core.check import Check
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.targets.local.checks import backups, host, logs, rollback, security

MODULES = (backups, host, logs, rollback, security)

DOCTOR = (
    "machine.python",
    "machine.settings",
    "machine.secrets",
    "environment.valid",
    "machine.reader",
    "machine.programs",
    "machine.clock",
    "disk.space",
    "machine.state",
    "machine.port",
    "machine.label_port",
    "machine.environment",
    "machine.model",
    "machine.schedule",
    "machine.supervisor",
)


def checks(machine: Machine) -> Mapping[str, Check]:
    """Return these checks by id, for one deployment."""
    return {
        check.id: replace(check, probe=partial(check.probe, machine)) for module in MODULES for check in module.CHECKS
    }
