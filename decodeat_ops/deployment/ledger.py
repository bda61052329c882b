"""Keep the lock and the journals of a deployment in its state directory, with a record of whose they are."""

import contextlib
import os
import signal
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.owner import Owner
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.progress import Progress
from decodeat_ops.deployment import files, identity
from decodeat_ops.engine import journal, lock
from decodeat_ops.engine.journal import Journal
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.supervisor.process import has_open


@dataclass(frozen=True)
class StateLedger:
    """Hold where lock and journals are and whose they are; a journal's name is its path."""

    layout: Layout
    loaded: Loaded

    def exists(self) -> bool:
        return self.layout.root.exists()

    def prepare(self) -> None:
        identity.claim(self.layout, self.loaded)

    def held(self, verb: str, wait: float = 0.0) -> AbstractContextManager[Owner]:
        return lock.held(self.layout.lock, verb, wait)

    def holder(self) -> Owner | None:
        return lock.holder(self.layout.lock)

    def interrupt(self, owner: Owner) -> None:
        """Send SIGINT to the owner if it holds the lock: the file may still name an earlier owner."""
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            pidfd = os.pidfd_open(owner.pid or -1)
            try:
                if has_open(owner.pid, self.layout.lock.stat()):
                    signal.pidfd_send_signal(pidfd, signal.SIGINT)
                    return
            finally:
                os.close(pidfd)
        raise Locked(
            f"The lock's file names {owner}: that is not the one that holds it, or not yours to stop.",
            hint="Try again in a moment: a command writes its name right after it has taken the lock.",
        )

    def unfinished(self) -> str:
        path = journal.unfinished(self.layout.journals)
        return "" if path is None else str(path)

    def read(self, name: str) -> Progress:
        return journal.read(Path(name))

    def begin(self, plan: Plan) -> Journal:
        return Journal.begin(self.layout.journals, plan)

    def reopen(self, name: str) -> Journal:
        return Journal.reopen(Path(name))

    def discard(self) -> None:
        """Delete lock and journals; they are last, since they record what is under way."""
        root = self.layout.root
        if not root.is_dir():
            return
        with contextlib.suppress(Locked), self.held("remove"):  # Locked: another command works here by now
            if self.unfinished():
                return
            if self.loaded.settings.target != "local":  # there the removal's own step has deleted the rest
                files.discard(self.layout.records)
                self.layout.format_file.unlink(missing_ok=True)
            files.discard(self.layout.journals)
            self.layout.lock.unlink(missing_ok=True)
            if not any(root.iterdir()):
                root.rmdir()
