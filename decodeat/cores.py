"""Share the processors among all workers of one service, to limit how much heavy work is done at once.

`decodeat.worker` imports this, so that gunicorn's master does so before it forks: all workers have the same file.
"""

import fcntl
import os

# Per-process record locks on an anonymous file: byte N is processor N, and the kernel frees the locks of a dead worker.
_FILE = os.memfd_create("decodeat-cores", os.MFD_CLOEXEC)


class Cores:
    """Lend `count` processors. A fixed share for each worker would leave some idle: clients don't spread evenly."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._held: set[int] = set()

    def take(self) -> int | None:
        """Return the number of a free processor, which has to be given back; None when all are taken."""
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
