"""Keep a deployment's lock and journals on this machine: one file to lock, one directory of journals."""

import contextlib
import os
import signal
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.owner import Owner
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.progress import Progress
from decodeat_ops.engine import journal, lock
from decodeat_ops.engine.journal import Journal
from decodeat_ops.supervisor.process import has_open


@dataclass(frozen=True)
class DirectoryLedger:
    """Name journals by their paths."""

    lock: Path
    journals: Path

    def held(self, verb: str, wait: float = 0.0) -> AbstractContextManager[Owner]:
        return lock.held(self.lock, verb, wait)

    def holder(self) -> Owner | None:
        return lock.holder(self.lock)

    def interrupt(self, owner: Owner) -> None:
        """Send SIGINT to the owner if it holds the lock: the file may still name an earlier owner."""
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            pidfd = os.pidfd_open(owner.pid or -1)
            try:
                if has_open(owner.pid, self.lock.stat()):
                    signal.pidfd_send_signal(pidfd, signal.SIGINT)
                    return
            finally:
                os.close(pidfd)
        raise Locked(
            f"The lock's file names {owner}: that is not the one that holds it, or not yours to stop.",
            hint="Try again in a moment: a command writes its name right after it has taken the lock.",
        )

    def unfinished(self) -> str:
        path = journal.unfinished(self.journals)
        return "" if path is None else str(path)

    def read(self, name: str) -> Progress:
        return journal.read(Path(name))

    def begin(self, plan: Plan) -> Journal:
        return Journal.begin(self.journals, plan)

    def reopen(self, name: str) -> Journal:
        return Journal.reopen(Path(name))
