"""Note on a machine what a command has made there, so that its undo takes back that alone; one bootstrap at a time."""

from collections.abc import Callable

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.keeping import guarded, judged
from decodeat_ops.targets.vm.place import Place, remotes_of
from decodeat_ops.targets.vm.scripts.quoting import lines, word
from decodeat_ops.targets.vm.side import each

NOTES = "/var/lib/decodeat-ops"
BUSY, CHANGED, REFUSED = 75, 76, 77  # statuses of scripts
# The machine's, not the deployment's: packages and the engine are for all. In /run, where root alone makes files: in
# /run/lock anybody may hold such a file, or have it lead elsewhere.
_LOCK = "/run/decodeat-ops-machine.lock"
_LINES = 15
Said = tuple[str, ...]


def script(mark: str, kind: str, body: str) -> str:
    """Return a script that has the machine to itself; `notes` is the file in which its body notes what it makes.

    The body does not inherit the descriptors of locks: a daemon that it starts would hold them.
    """
    return lines(
        "# shellcheck disable=SC2034  # a body uses what it needs",
        "set -u",
        "LC_ALL=C; export LC_ALL",
        "umask 077",
        f"exec 9>>{_LOCK} || exit {REFUSED}",
        f'flock -w 600 9 || {{ echo "another bootstrap is at work on this machine"; exit {BUSY}; }}',
        f"mkdir -p {NOTES} || exit {REFUSED}",
        f"notes={word(f'{NOTES}/{kind}-{mark}')}",
        "(",
        body,
        ") 8>&- 9>&-",
    )


def run(place: Place, host: Remote, text: str, *, given: str = "", timeout: float = 120.0) -> Said:
    """Run a script under the guard and return the lines of its output. Raises `StepFailed` with the last ones."""
    whole = guarded(place, host.name, text, wait=timeout)
    answer = judged(host.run(whole, given=given, timeout=2 * timeout), host.name)
    said = tuple(line for line in (*answer.stdout.splitlines(), *answer.stderr.splitlines()) if line.strip())
    if answer.status != 0:
        last = said[-1] if said else "it said nothing"
        raise StepFailed(f"{last.strip()} (status {answer.status})", lines=said[-_LINES:])
    return tuple(answer.stdout.splitlines())


def at_each(
    place: Place, context: Context, params: Params, work: Callable[[Remote], Said], *, undo: bool = False
) -> dict[str, list[str]]:
    """Do the work on each machine that a step is for; what its scripts print are warnings.

    An undo does without a machine that the settings don't name any more, and no wish to stop breaks it off.
    """
    hosts = remotes_of(place, context, params["hosts"], needed=not undo)
    said = each(hosts, work, None if undo else context)
    return {"warnings": [f"{name}: {line}." for name, printed in said.items() for line in printed if line.strip()]}
