"""Say what happens to a deployment while it is followed: each event of ECS, failed task and stage of a shift once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.observed import Event, ServiceState
from decodeat_ops.targets.ecs.shift import Shift


@dataclass
class News:
    """Remember what was said. `stage` is the last one that its shift was seen in, "" for none."""

    context: Context
    stage: str = ""
    _said: set[str] = field(default_factory=set)  # ids of events
    _failed: int = 0

    def of_service(self, service: ServiceState, deployment_id: str, since: str) -> None:
        """Say what one look shows for the first time. `since` is when the deployment began (ISO 8601).

        While that is not known, no event is said: ECS keeps those of earlier deployments.
        """
        for event in _after(service.events, since):
            if event.id not in self._said:
                self._said.add(event.id)
                self.context.say(event.message)
        failed = next((one.failed for one in service.deployments if one.id == deployment_id), 0)
        if failed > self._failed:
            self._failed = failed
            self.context.say(f"{failed} of the new tasks failed so far")

    def of_shift(self, shift: Shift | None) -> None:
        """Say the stage of a shift, once for each stage and each share of the requests."""
        if shift is not None and shift.outcome == "going" and shift.at != self.stage:
            self.stage = shift.at
            self.context.say(f"shift: {self.stage}")


def _after(events: Iterable[Event], since: str) -> list[Event]:
    """Return the events since a moment, oldest first."""
    if not since:
        return []
    began = datetime.fromisoformat(since)
    timed = [(datetime.fromisoformat(one.at) if one.at else began, one) for one in reversed([*events])]
    return [one for at, one in sorted(timed, key=lambda pair: pair[0]) if at >= began]
