"""Guard the scripts that change a machine: each runs alone there, and only for the command that holds the lock."""

import secrets
from typing import NoReturn

from decodeat_ops.core.errors import Lost
from decodeat_ops.core.remote import Answer
from decodeat_ops.targets.vm.journal import VmJournal
from decodeat_ops.targets.vm.place import Place, forget
from decodeat_ops.targets.vm.scripts.guard import BUSY, FENCED, UNGUARDED, UNRECORDED, guard

TOKEN = "token of the lock"  # noqa: S105  the key under which a place remembers it
JOURNAL = "journal of the change"
SALT = "salt of secrets' digests"
WAIT = 30.0  # seconds that a script waits for an earlier one on the same machine
# What a removal has to leave of a deployment's directory: its last steps are guarded and recorded by it, and whoever
# holds the lock deletes it at the end.
KEPT = ("format.json", "salt", "lock", "step.lock", "journal")


def guarded(place: Place, host: str, body: str, *, wait: float = WAIT) -> str:
    """Return a script that runs the body when no other one runs there and this command holds the lock on the machine.

    It writes first what the journal there has to hold by then. A program that it leaves in the background keeps other
    scripts waiting, unless it closes file descriptor 8. What it ends with goes through `judged`.
    Raises as `token` does.
    """
    forget(place)
    journal: VmJournal | None = place.remembered.get(JOURNAL)
    return guard(place.names, token(place, host), wait, journal.carried(host) if journal else "") + body


def token(place: Place, host: str) -> str:
    """Return the token of the lock that this command holds. Raises RuntimeError when it holds none, which is a bug."""
    found: str | None = place.remembered.get(TOKEN)
    if found is None:
        raise RuntimeError(f"a script that changes {host} was made outside of the lock")
    return found


def judged(answer: Answer, host: str) -> Answer:
    """Return what a guarded script ended with. Raises `Lost` when the guard did not let it run."""
    if answer.status == BUSY:
        _not_run(host, "an earlier script still runs there, and was waited for in vain", "")
    if answer.status == FENCED:
        _not_run(
            host,
            "this command does not hold the lock there any more: it was silent for too long, or its keeper was ended",
            "`decodeat-ops lock status` shows whether another command goes on there. ",
        )
    if answer.status in (UNGUARDED, UNRECORDED):
        what = "the lock of its steps can't be taken" if answer.status == UNGUARDED else "the journal can't be written"
        last = answer.stderr.strip().splitlines()[-1:] or ["it can't be written"]
        _not_run(host, f"{what} ({last[0]})", "")
    return answer


def _not_run(host: str, why: str, first: str) -> NoReturn:
    raise Lost(
        f"{host} ran nothing of it: {why}.",
        state="The journal is open; what serves was not touched by stopping.",
        hint=f"{first}`decodeat-ops status` shows what serves; `decodeat-ops resume` goes on.",
    )


def salt(place: Place) -> str:
    """Return the salt of secrets' digests: what the machines have once that is known, before it the one they will get.

    It is drawn once, so that a plan made before the first deploy equals one made under the lock.
    """
    found: str = place.remembered.setdefault(SALT, secrets.token_hex(16))
    return found
