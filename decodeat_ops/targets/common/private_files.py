"""Check that secrets on the operator's machine are closed to others; they are elsewhere once they are deployed."""

from collections.abc import Iterator
from pathlib import Path

from decodeat_ops.checks.answer import answer
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.layout import Layout
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded

ID = "security.files"


def judged(loaded: Loaded, layout: Layout) -> Finding:
    """Check that no other user of this machine may read the secrets, or replace the settings."""
    present = [path for path in dict.fromkeys(_private(loaded, layout)) if path.exists()]
    open_ones = [f"{path.name} {path.stat().st_mode & 0o777:04o}" for path in present if path.stat().st_mode & 0o077]
    flaws = (trust.flaw(path) for path in (*loaded.files, layout.root))
    open_ones += [f"{flaw[0]} {flaw[1]}" for flaw in flaws if flaw]
    if open_ones:
        return answer(ID, Status.FAIL, "security.readable", count=len(open_ones), files=open_ones)
    return answer(ID, Status.PASS, "security.private", count=len(present))


def _private(loaded: Loaded, layout: Layout) -> Iterator[Path]:
    yield loaded.path(loaded.settings.service.env_file)
    yield from map(loaded.path, loaded.settings.service.references("file").values())
    yield from (layout.root, layout.records)
