"""A switch is confirmed only when no worker of the release before can still be met."""

import time
from types import SimpleNamespace
from typing import Any, cast

from decodeat.worker import FOLLOW_SECONDS
from decodeat_ops.core.ports import Endpoint, Response
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local import readiness

NEW, OLD = "20261127-000002-new", "20261127-000001-old"


class Shared:
    """A port on which the new release answers and, some looks at the link later, a worker of the old one once more."""

    def __init__(self) -> None:
        self.late = time.monotonic() + 8 * FOLLOW_SECONDS
        self.answered: list[str] = []

    def request(self, *_: Any, **__: Any) -> Response:
        late = time.monotonic() > self.late and OLD not in self.answered
        self.answered.append(OLD if late else NEW)
        return Response(200, {"x-release-id": self.answered[-1]}, b"", 0.0)


def test_an_old_worker_that_answers_late_is_met_before_the_switch_counts_as_done() -> None:
    port = Shared()
    store = SimpleNamespace(get=lambda _: object(), public=lambda _: Endpoint("127.0.0.1", 1))
    machine = cast(Machine, SimpleNamespace(store=store, http=port))
    readiness.confirm(machine, Context(), NEW)
    assert OLD in port.answered, "the row of answers was over before an old worker could be met"
    assert port.answered[-readiness.CONFIRMATIONS :] == [NEW] * readiness.CONFIRMATIONS
