"""Run the program, or a change that is killed, in a process of its own, on machines that are played.

`python -m tests.integration.vm_process WORDS...` is the command line; `drive CONFIG VERB STEP FAULT` carries out one
change and breaks it at a step, with FAULT one of

- `none`: nothing breaks;
- `before`: SIGKILL when the step begins, which the journal says by then;
- `inside`: SIGKILL while the first script of the step that a machine carries out is under way;
- `after`: SIGKILL when the step has done its work, before the journal says so.

STEP may be `undo:<id>`. The last line is JSON: how it ended, and the steps.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import OpsError
from decodeat_ops.core.remote import Answer
from tests.faults.driver import carry_out
from tests.integration.vm_machines import KeptImages, Machine, opening
from tests.support.local_remote import LocalRemote

UNDER_WAY = 0.05  # seconds after which a script that was sent has begun


class ForGood:
    """Set what nothing sets back: the process ends with it. Importing pytest would take longer than most commands."""

    setattr = staticmethod(setattr)


class Breaker:
    """Watch for the step, and end this process in it."""

    def __init__(self, step: str, fault: str) -> None:
        self.step, self.fault = step, fault
        self.inside = False
        self.seen: list[str] = []

    def watch(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(step=step, undoing=undoing):
                name = f"undo:{step.id}" if undoing else step.id
                self.seen.append(name)
                self.inside = name == self.step
                if self.inside and self.fault == "before":
                    die()
            case events.StepFinished(step=step, undoing=undoing):
                if self.inside and self.fault in {"inside", "after"}:
                    die()
                self.inside = False
            case _:
                pass

    def taken(self, remote: LocalRemote) -> None:
        """Let the process end while a machine carries out what the step has sent."""
        run: Callable[..., Answer] = remote.run

        def broken(script: str, **given: Any) -> Answer:
            if self.inside and self.fault == "inside":
                threading.Timer(UNDER_WAY, die).start()
            return run(script, **given)

        remote.run = broken  # type: ignore[method-assign]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    machines = [Machine(**one) for one in json.loads(os.environ["PLAYED"])]
    images = KeptImages(path=Path(os.environ["PLAYED_IMAGES"]))
    if sys.argv[1:2] != ["drive"]:
        from decodeat_ops.__main__ import main as program

        opening(ForGood(), machines, images, lambda remote: None)
        return program()
    from decodeat_ops.application.settings import load

    config, verb, step, fault = Path(sys.argv[2]), *sys.argv[3:6]
    breaker = Breaker(step, fault)
    opening(ForGood(), machines, images, breaker.taken)
    try:
        outcome = carry_out(load(config, None, {}), verb, Change(emit=breaker.watch), None)
        told: dict[str, Any] = {"exit_code": outcome.exit_code, "changed": outcome.changed}
    except OpsError as error:
        advice = error.advice
        told = {"exit_code": error.code, "what": advice.what, "state": advice.state, "hint": advice.hint}
    print(json.dumps({**told, "steps": breaker.seen}))
    return int(told["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
