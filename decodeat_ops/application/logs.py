"""Find the log that the command line reads."""

from decodeat_ops.application.targets import open_view
from decodeat_ops.core.view import Log
from decodeat_ops.settings.schema import Loaded

SUPERVISOR = "supervisor"


def log(loaded: Loaded, release: str | None, *, supervisor: bool) -> Log:
    """Return the log of a release, of whichever serves, or of the supervisor. Raises `Usage` when there is none."""
    return open_view(loaded).log(release or "", SUPERVISOR if supervisor else "")
