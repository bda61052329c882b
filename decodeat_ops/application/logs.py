"""Find the log that the command line reads."""

from decodeat_ops.application.targets import open_view
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.view import Log
from decodeat_ops.settings.schema import Loaded

SUPERVISOR = "supervisor"


def log(loaded: Loaded, release: str | None, *, supervisor: bool, part: str = "") -> Log:
    """Return the log of a release, of whichever serves, or of another part. Raises `Usage` when there is none."""
    if part and (release or supervisor):
        raise Usage("--part names one log, and so does the other option.", hint="Give one of them.", where="--part")
    return open_view(loaded).log(release or "", SUPERVISOR if supervisor else part)
