"""Name what a check asks about: a release, where it answers, and what a deploy would bring."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decodeat_ops.core.ports import Endpoint
from decodeat_ops.core.release import Release
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Observed
from decodeat_ops.core.view import View
from decodeat_ops.deployment import source
from decodeat_ops.settings.schema import Loaded


@dataclass(frozen=True)
class Subject:
    """Hold what checks may use, all of it to read alone.

    `release` is the one that is asked, None before the first deploy, and `endpoint` is where it answers. `coming` is
    the release that does not serve yet; without it, the code in question is the source that a deploy would take.
    """

    loaded: Loaded
    view: View[Any, Any]
    observe: Callable[[], Observed[Any]]
    records: Path  # of walks through checklists, sign-offs and measurements
    secrets: Mapping[str, Secret] = field(default_factory=dict)  # resolved, by variable of the service
    release: Release | None = None
    endpoint: Endpoint | None = None
    coming: Release | None = None

    @property
    def code(self) -> str:
        """Return the digest of the code in question. Raises `Configuration` when there is none."""
        return self.coming.code if self.coming else source.tree_digest(source.find(self.loaded))

    def require_code(self) -> None:
        """Raise `Configuration` when there is no code in question."""
        if self.coming is None:
            source.find(self.loaded)
