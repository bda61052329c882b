"""Carry out one real change on ECS in a process of its own, break or hold it at a chosen step, and count its calls.

`python -m tests.lab.ecs_driver CONFIG VERB STEP FAULT [ARGUMENT]` with FAULT one of

- `none`: nothing breaks;
- `before`: SIGKILL when the step begins, which the journal says by then;
- `inside`: SIGKILL once AWS has carried out the step's first call that changes something, before the answer is heard
  (at the step's end, when it makes no such call);
- `after`: SIGKILL when the step has done its work, before the journal says so;
- `hold`: say "held" when the step begins, and go on when a line comes in;
- `hurry`: nothing breaks, and STEP is how many seconds clients' address has to answer with the release.

STEP may be `undo:<id>`. The last line is JSON: exit code, what was said, the steps, and how often AWS was asked what.
"""

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from decodeat_ops.adapters.aws import Sdk
from decodeat_ops.adapters.aws_errors import reads
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import OpsError
from tests.faults.driver import carry_out


class Breaker:
    """Watch for the step, and end or hold this process in it."""

    def __init__(self, step: str, fault: str) -> None:
        self.step, self.fault = step, fault
        self.inside = False
        self.seen: list[str] = []

    def watch(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(step=step, undoing=undoing):
                name = _name(step.id, undoing)
                self.seen.append(name)
                self.inside = name == self.step
                if self.inside and self.fault == "before":
                    die()
                if self.inside and self.fault == "hold":
                    print("held", flush=True)
                    sys.stdin.readline()
            case events.StepFinished(step=step, undoing=undoing):
                if _name(step.id, undoing) == self.step and self.fault in {"inside", "after"}:
                    die()
                self.inside = False
            case _:
                pass

    def answered(self, operation: str) -> None:
        """Take note that AWS has answered, before the product hears of it."""
        if self.inside and self.fault == "inside" and not reads(operation):
            die()


def _name(step: str, undoing: bool) -> str:
    return f"undo:{step}" if undoing else step


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Watched(Sdk):
    """Call AWS as the product does, and tell the breaker of each answer before the product gets it."""

    breaker: ClassVar[Breaker]
    total: ClassVar[Counter[tuple[str, str]]] = Counter()  # of all that this process asked

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.calls = self.total

    def call(self, service: str, operation: str, /, **params: Any) -> Any:
        answer = super().call(service, operation, **params)
        self.breaker.answered(operation)
        return answer


def main() -> int:
    from decodeat_ops.adapters import aws
    from decodeat_ops.application.settings import load
    from decodeat_ops.targets.ecs.actions import confirm

    config, verb, step, fault = Path(sys.argv[1]), *sys.argv[2:5]
    argument = sys.argv[5] if len(sys.argv) > 5 else None
    Watched.breaker = breaker = Breaker(step, fault)
    if fault == "hurry":
        confirm.SECONDS = float(step)
    aws.Sdk = Watched  # type: ignore[misc]  # application/targets.py opens it by this name
    try:
        outcome = carry_out(load(config, None, {}), verb, Change(emit=breaker.watch), argument)
        told = {"exit_code": outcome.exit_code, "changed": outcome.changed, "data": dict(outcome.data)}
    except OpsError as error:
        advice = error.advice
        told = {"exit_code": error.code, "what": advice.what, "state": advice.state, "hint": advice.hint}
        told["lines"] = list(advice.lines)
    told["steps"] = breaker.seen
    told["reads"] = {":".join(asked): count for asked, count in Watched.total.items() if reads(asked[1])}
    told["writes"] = {":".join(asked): count for asked, count in Watched.total.items() if not reads(asked[1])}
    print(json.dumps(told))
    return int(told["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
