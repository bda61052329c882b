"""Keep the lock and the journals of a deployment in its state directory, with a record of whose they are."""

import contextlib
from dataclasses import dataclass

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files, identity
from decodeat_ops.engine.ledger import DirectoryLedger
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class StateLedger(DirectoryLedger):
    """Add the state directory around lock and journals."""

    layout: Layout
    loaded: Loaded

    @classmethod
    def of(cls, layout: Layout, loaded: Loaded) -> "StateLedger":
        return cls(layout.lock, layout.journals, layout, loaded)

    def exists(self) -> bool:
        return self.layout.root.exists()

    def prepare(self) -> None:
        identity.claim(self.layout, self.loaded)

    def discard(self) -> None:
        """Delete lock and journals; they are last, since they record what is under way."""
        root = self.layout.root
        if not root.is_dir():
            return
        with contextlib.suppress(Locked), self.held("remove"):  # Locked: another command works here by now
            if self.unfinished():
                return
            files.discard(self.journals)
            self.lock.unlink(missing_ok=True)
            if not any(root.iterdir()):
                root.rmdir()
