"""Write journals through the keeper of the machine that they are on."""

import contextlib
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from decodeat_ops.core.errors import Lost, StepFailed
from decodeat_ops.core.plan import Plan, Step
from decodeat_ops.engine.journal import header, line_of
from decodeat_ops.targets.vm.keeper import Keeper, Refused
from decodeat_ops.targets.vm.scripts.guard import recording


class VmJournal:
    """Append to the journal of one change. A record is on the machine's disk before anything depends on it.

    That a step is done is written together with what comes next, in one round trip: until then nothing depends on it,
    and a step whose end is not known is repeated. That a step has begun may wait, too, where it has no undo, which is
    all that depends on it, and where the journal's machine is the only one: the script that changes something there
    writes it first, see `carried`. The lock is asked for on every machine: a step must not begin where another command
    may hold it by now.
    """

    def __init__(self, keepers: Mapping[str, Keeper], name: str, offset: int, plan: Plan, own: Container[str]) -> None:
        """Continue the journal of a plan. `own` are the actions that change machines, by guarded scripts alone."""
        self._keepers = dict(keepers)
        self.name = name
        self._offset = offset
        self._waiting = b""  # records that are written with the next one
        alone = len(keepers) == 1
        self._patient = {one.id for one in plan.steps if _changes_nothing(one) or (alone and one.do.name in own)}

    @classmethod
    def begin(
        cls, keepers: Mapping[str, Keeper], host: str, plan: Plan, directory: PurePosixPath, own: Container[str]
    ) -> "VmJournal":
        """Take the journal's space and write the plan. Raises `StepFailed` when that fails: nothing has begun."""
        line = line_of(header(plan))
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        try:
            verb = plan.verb.replace(" ", "-")  # a word of the file's name
            file = keepers[host].ask(f"begin {verb} {stamp} {_text(line)}")
        except Refused as refused:
            raise StepFailed(
                f"The journal could not be written on {host}: {refused} ({directory}).",
                hint="Free some space there and run the command again.",
            ) from refused
        except Lost as lost:
            raise Lost(lost.advice.what, state="No step has begun.", hint="Run the command again.") from lost
        return cls(keepers, f"{host}:{directory / file}", len(line), plan, own)

    def carried(self, host: str) -> str:
        """Return the lines by which a script on this machine writes what waits, before it changes anything.

        The records still wait afterwards: they are written again with the next ones, at the same place.
        """
        machine, _, path = self.name.partition(":")
        waiting = self._waiting
        return recording(path, self._offset, waiting.decode()) if host == machine and waiting else ""

    def step(self, record: str, step: str, **facts: Any) -> None:
        line = line_of({"record": record, "step": step, **facts})
        if record == "done" or (record == "begun" and step in self._patient):
            self._check()
            self._waiting += line
        else:
            self._write("write", line)

    def end(self, how: str) -> None:
        self._write("end", line_of({"record": "end", "how": how}))

    def close(self) -> None:
        """Write what waits, and leave the journal without an end. Where that fails, the step is repeated."""
        with contextlib.suppress(Lost):
            if self._waiting:
                self._write("write", b"")

    def _check(self) -> None:
        for keeper in self._keepers.values():
            keeper.check()

    def _write(self, how: str, line: bytes) -> None:
        line, self._waiting = self._waiting + line, b""
        self._check()
        host, _, path = self.name.partition(":")
        size = f" {self._offset + len(line)}" if how == "end" else ""
        try:
            self._keepers[host].ask(f"{how} {PurePosixPath(path).name} {self._offset}{size} {_text(line)}")
        except Refused as refused:
            raise Lost(
                f"The journal {self.name} could not be written: {refused}.",
                state="The journal stays open; what serves was not touched by stopping.",
                hint="Mend the cause, then `decodeat-ops resume` goes on.",
            ) from refused
        self._offset += len(line)


def _changes_nothing(step: Step) -> bool:
    """Return whether nothing depends on the record that a step has begun: no undo, and no commit before it."""
    return step.undo is None and not step.after_commit


def _text(lines: bytes) -> str:
    """Return records as one line, with a tab between them, which none of them has within."""
    return lines.decode().rstrip("\n").replace("\n", "\t")
