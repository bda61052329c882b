"""Carries out one real change in a process of its own and breaks it at a chosen step.

`python -m tests.faults.driver CONFIG VERB STEP FAULT [ARGUMENT]` with FAULT one of

- `none`: nothing breaks;
- `kill`: SIGKILL in the middle of the step (before its second change to the file system, else at its end);
- `fail`: the step's second change to the file system fails with EIO (or the step as a whole, when it makes none);
- `fill`: the disk that holds the state is filled up when the step begins.

It uses the product's own use cases and watches the engine's events; the interpreter's audit hook is what counts and
breaks file operations, so that nothing in the product knows of it. STEP may be `undo:<id>`.
"""

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import OpsError
from decodeat_ops.settings.schema import Loaded

CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod",
    "shutil.rmtree", "shutil.copyfile", "subprocess.Popen", "sqlite3.connect",
}  # fmt: skip


class Breaker:
    """Watches for the step and counts its changes; journal writes are appends and do not count."""

    def __init__(self, step: str, fault: str, disk: Path) -> None:
        self.step, self.fault, self.disk = step, fault, disk
        self.inside = False
        self.count = 0
        self.fired = False

    def watch(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(step=step, undoing=undoing):
                self.inside = self.step == (f"undo:{step.id}" if undoing else step.id)
                self.count = 0
                if self.inside and self.fault == "fill":
                    self.fired = True
                    fill(self.disk)
            case events.StepFinished(step=step, undoing=undoing):
                was, self.inside = self.inside, False
                if was and not self.fired and self.step == (f"undo:{step.id}" if undoing else step.id):
                    self.break_now("at its end")
            case _:
                pass

    def audit(self, name: str, arguments: Any) -> None:
        if not self.inside or self.fired:
            return
        changing = name in CHANGES or (name == "open" and _writes(arguments))
        if not changing:
            return
        self.count += 1
        if self.count == 2:
            self.break_now(f"before {name}")

    def break_now(self, where: str) -> None:
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "fail":
            self.fired = True
            raise OSError(errno.EIO, f"broken on purpose {where}")


def _writes(arguments: Any) -> bool:
    path, mode, flags = arguments
    if isinstance(path, int) or "/journal/" in str(path):
        return False
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(flags, int) else "w" in str(mode)


def fill(directory: Path) -> None:
    """Write until not one byte more fits."""
    with (directory / "filler").open("ab", buffering=0) as filler:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    filler.write(b"\xff" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def carry_out(loaded: Loaded, verb: str, change: Change, argument: str | None) -> Any:
    from decodeat_ops.application import backups, verbs
    from decodeat_ops.application.targets import open_desk

    match verb:
        case "backup":
            return backups.backup(loaded, change)
        case "restore":
            return backups.restore(loaded, change, argument or "latest", (), None)
        case "rollback":
            return verbs.rollback(open_desk(loaded), change, argument)
        case _:
            return getattr(verbs, verb)(open_desk(loaded), change)


def main() -> int:
    from decodeat_ops.application.settings import load

    config, verb, step, fault = Path(sys.argv[1]), *sys.argv[2:5]
    argument = sys.argv[5] if len(sys.argv) > 5 else None
    loaded = load(config, None, {})
    breaker = Breaker(step, fault, loaded.path(loaded.settings.local.state_dir))
    seen: list[str] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepStarted):
            seen.append(("undo:" if event.undoing else "") + event.step.id)
        if fault != "none":
            breaker.watch(event)

    if fault != "none":
        sys.addaudithook(breaker.audit)
    try:
        outcome = carry_out(loaded, verb, Change(emit=watch), argument)
        told = {"exit_code": outcome.exit_code, "data": dict(outcome.data), "steps": seen}
    except OpsError as error:
        advice = error.advice
        told = {
            "exit_code": error.code, "what": advice.what, "state": advice.state, "hint": advice.hint,
            "lines": list(advice.lines), "steps": seen,
        }  # fmt: skip
    told["fired"] = breaker.fired
    print(json.dumps(told))
    return int(told["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
