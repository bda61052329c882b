"""Wait between two looks at ECS, longer each time, so that a deployment of minutes costs few calls."""

from dataclasses import dataclass, field

from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.place import Place

FIRST, GROWTH, LONGEST = 1.0, 1.5, 10.0  # seconds before the second look, how they grow, and their bound
SLICE = 1.0  # seconds in which a wait notices that the operator wants to stop


@dataclass
class Waiting:
    """Measure a wait of at most `limit` seconds. With `patient` the operator may interrupt it; an undo passes False."""

    place: Place
    context: Context
    limit: float
    patient: bool = True
    began: float = field(init=False)
    _next: float = field(init=False, default=FIRST)

    def __post_init__(self) -> None:
        self.began = self.place.clock.now()

    @property
    def seconds(self) -> float:
        """Return how long it has lasted."""
        return self.place.clock.now() - self.began

    @property
    def over(self) -> bool:
        """Return whether the limit has passed."""
        return self.seconds >= self.limit

    def pause(self) -> None:
        """Let time pass until the next look. Raises `Interrupted` when the operator asked to stop."""
        self._stop_if_asked()
        until = self.place.clock.now() + self._next
        while (left := until - self.place.clock.now()) > 0:
            self.place.clock.sleep(min(left, SLICE))
            self._stop_if_asked()
        self._next = min(self._next * GROWTH, LONGEST)

    def _stop_if_asked(self) -> None:
        if self.patient:
            self.context.checkpoint()


def duration(seconds: float) -> str:
    """Return a time for people: "40 s", "12 min"."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
