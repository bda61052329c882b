"""Hold what reaches a deployment on ECS: its settings, its names, and the ports to AWS, HTTP, images and the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from decodeat_ops.core.aws import Aws
from decodeat_ops.core.clock import Clock
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.core.ports import Host, Http
from decodeat_ops.deployment import places
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs.names import Names

if TYPE_CHECKING:
    from decodeat_ops.core.image import Images

T = TypeVar("T")
FRESH = 60.0  # seconds between the plan that an operator approves at once and the same one that is made under the lock


@dataclass(frozen=True)
class Place:
    """Hold one deployment's ports. `images` opens the engine that builds and pushes, at its first use only.

    `remembered` is what can't change while one command runs, such as who calls and what a revision consists of, and
    what was found good a moment ago.
    """

    loaded: Loaded
    names: Names
    aws: Aws
    http: Http
    host: Host
    images: Callable[[], "Images"]
    clock: Clock
    remembered: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def layout(self) -> Layout:
        """Return the state on the operator's machine: lock, journals and records of checks."""
        return places.layout_of(self.loaded)

    def unless_good(self, key: tuple[Any, ...], look: Callable[[], T], good: Callable[[T], bool]) -> T:
        """Look, unless the last look under this key was less than `FRESH` seconds ago and found all good."""
        known: tuple[T, float] | None = self.remembered.get(key)
        if known is not None and self.clock.now() - known[1] < FRESH:
            return known[0]
        found = look()
        if good(found):
            self.remembered[key] = found, self.clock.now()
        return found


Act = Callable[[Place, Context, Params], Results | None]
Acts = Mapping[str, Act]  # a table of actions before they are bound to one place
