"""Let plans of a test have actions of its own, on a real deployment."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from decodeat_ops.application.desk import Desk
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.local.target import Local


@dataclass(frozen=True)
class Acting(Local):
    """Answer as this machine does, and know these actions alone."""

    own: Mapping[str, Do] = field(default_factory=dict)

    @functools.cached_property
    def actions(self) -> Mapping[str, Do]:
        return self.own


def machine_of(desk: Desk) -> Machine:
    target = desk.target
    assert isinstance(target, Local)
    return target.machine


def acting(desk: Desk, actions: Mapping[str, Do]) -> Desk:
    """Return the same desk with these actions instead of the target's."""
    target = desk.target
    assert isinstance(target, Local)
    return replace(desk, target=Acting(target.machine, target.secrets, target.boot, own=actions))
