"""The processors that all workers of one service share: so much heavy work is done at once, whoever it came to.

`decodeat.worker` imports this, and so gunicorn's master does, before it forks: the file is the same in all workers.
"""

import fcntl
import os

# Per-process record locks on an anonymous file: byte N is processor N, and what a dead worker held is free again.
_FILE = os.memfd_create("decodeat-cores", os.MFD_CLOEXEC)


class Cores:
    """So many as `count`. A share for each worker would leave some idle: clients don't spread evenly over workers."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._held: set[int] = set()

    def take(self) -> int | None:
        """One that nobody uses, to be given back; None when all are taken."""
        for core in range(self.count):
            if core in self._held:
                continue
            try:
                fcntl.lockf(_FILE, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, core)
            except OSError:
                continue
            self._held.add(core)
            return core
        return None

    def give(self, core: int) -> None:
        self._held.remove(core)
        fcntl.lockf(_FILE, fcntl.LOCK_UN, 1, core)
