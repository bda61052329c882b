"""Hold what the use cases work with: the settings, and the four ports of one deployment's target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from decodeat_ops.core.data import Data
from decodeat_ops.core.image import Images
from decodeat_ops.core.ledger import Ledger
from decodeat_ops.core.names import joined
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Target
from decodeat_ops.core.view import View
from decodeat_ops.deployment import inputs
from decodeat_ops.engine.executor import Actions
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class Desk:
    """Hold one deployment. `secrets` are resolved, by variable of the service; `records` is the place of checks.

    `images` opens the engine that builds images, `repository` says where they belong, `shared` are actions that are no
    target's own.
    """

    loaded: Loaded
    target: Target[Any, Any]
    view: View[Any, Any]
    data: Data[Any]
    ledger: Ledger
    records: Path
    secrets: Mapping[str, Secret]
    images: Callable[[], Images]
    repository: Callable[[], str]
    shared: Actions = field(default_factory=dict)

    @property
    def deployment(self) -> str:
        return self.loaded.deployment

    @cached_property
    def actions(self) -> Actions:
        """Return every action by name: the target's, the shared ones, and the gate."""
        from decodeat_ops.checks.gate import gate
        from decodeat_ops.checks.subject import Subject

        subject = Subject(self.loaded, self.view, self.target.observe, self.records, self.secrets)
        return joined(self.target.actions, self.shared, {"gate": partial(gate, subject)})

    def inputs(self) -> str:
        """Return the digest of what a plan is derived from, so that `resume` can tell whether the plan still holds."""
        return inputs.inputs(self.loaded, self.target.secrets_digest())
