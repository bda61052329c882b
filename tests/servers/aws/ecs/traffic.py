"""Say which tasks clients reach, and in which parts: what the public address of a service would do."""

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.aws.ecs.state import INACTIVE, Service, Task

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


OVER = {"SUCCESSFUL"}  # statuses of a shift after which its weights say nothing more


@dataclass
class Traffic:
    """Spread requests over the running tasks of one service, by the weights of its shift."""

    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    def target(self, aws: "Aws", name: str) -> Task | None:
        """Return the task that answers the next request, None when none runs."""
        found = [one for one in aws.ecs.services.values() if one.name == name and one.status != INACTIVE]
        weighed = [pair for service in found for pair in weights(aws, service)]
        total = sum(weight for _, weight in weighed)
        if total <= 0:
            return None
        turn = next(self._turn)
        place = (turn * 37) % total  # spreads neighbouring requests, and repeats exactly
        for tasks, weight in weighed:
            if place < weight:
                return tasks[turn % len(tasks)]
            place -= weight
        return weighed[-1][0][0]


def weights(aws: "Aws", service: Service) -> list[tuple[list[Task], int]]:
    """Return the running tasks of each deployment with the percent of requests that they get."""
    attempt, found = service.current, []
    shifts = service.strategy != "ROLLING" and attempt is not None and attempt.status not in OVER
    for one in service.deployments:
        tasks = aws.ecs.tasks_of(one.id, "RUNNING")
        weight = 100 * len(tasks)
        if shifts and attempt is not None and attempt.sources:
            blue = 100 - attempt.weight if one.ever_completed else 0
            weight = int(attempt.weight if one.revision == attempt.target else blue)
        if tasks and weight > 0:
            found.append((tasks, weight))
    return found
