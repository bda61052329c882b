"""Carry out one real change on machines in a process of its own, break or hold it at a chosen step, count its scripts.

`python -m tests.lab.vm_driver CONFIG VERB STEP FAULT [ARGUMENT]` with FAULT one of those of `ecs_driver`, where

- `inside`: SIGKILL once a machine has carried out the step's first script, before the answer is heard (at the step's
  end, when it runs none);
- `during`: SIGKILL half a second after that script began, or at the step's end where that comes first; the script goes
  on alone.

The last line is JSON: exit code, what was said, the steps, and how many scripts and transfers each machine was sent.
"""

import json
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from decodeat_ops.adapters.ssh.remote import SshRemote
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import OpsError
from decodeat_ops.core.remote import Answer
from tests.faults.driver import carry_out
from tests.lab import ecs_driver
from tests.lab.ecs_driver import die

DURING = 0.5  # seconds


class Breaker(ecs_driver.Breaker):
    """Watch for the step, and end or hold this process in it."""

    def watch(self, event: events.Event) -> None:
        if isinstance(event, events.StepFinished) and self.inside and self.fault == "during":
            die()
        super().watch(event)

    def begins(self) -> None:
        if self.inside and self.fault == "during":
            timer = threading.Timer(DURING, die)
            timer.daemon = True
            timer.start()

    def ended(self) -> None:
        if self.inside and self.fault == "inside":
            die()


class Watched(SshRemote):
    """Reach a machine as the product does, and tell the breaker of each script's beginning and end."""

    breaker: ClassVar[Breaker]
    total: ClassVar[Counter[str]] = Counter()

    def run(self, *arguments: Any, **options: Any) -> Answer:
        self.total[f"run {self.name}"] += 1
        self.breaker.begins()
        answer = super().run(*arguments, **options)
        self.breaker.ended()
        return answer

    def send(self, *arguments: Any, **options: Any) -> Answer:
        self.total[f"send {self.name}"] += 1
        self.breaker.begins()
        answer = super().send(*arguments, **options)
        self.breaker.ended()
        return answer


def main() -> int:
    from decodeat_ops.adapters.ssh import remote
    from decodeat_ops.application.settings import load

    config, verb, step, fault = Path(sys.argv[1]), *sys.argv[2:5]
    argument = sys.argv[5] if len(sys.argv) > 5 else None
    Watched.breaker = breaker = Breaker(step, fault)
    remote.SshRemote = Watched  # type: ignore[misc]  # application/targets.py opens it by this name
    try:
        outcome = carry_out(load(config, None, {}), verb, Change(emit=breaker.watch), argument)
        told = {"exit_code": outcome.exit_code, "changed": outcome.changed, "data": dict(outcome.data)}
    except OpsError as error:
        advice = error.advice
        told = {"exit_code": error.code, "what": advice.what, "state": advice.state, "hint": advice.hint}
        told["lines"] = list(advice.lines)
    told["steps"] = breaker.seen
    told["sent"] = dict(Watched.total)
    print(json.dumps(told))
    return int(told["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
