"""Build the guard that every script which changes something begins with: one at a time, and the lock's owner alone."""

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.quoting import word

# Exit statuses of the guard, beside those of the scripts that it guards.
BUSY = 90  # an earlier script still runs
FENCED = 91  # whoever sent it does not hold the lock any more; nothing was run
UNGUARDED = 92  # there is no place for the lock; nothing was run

# A program that the body leaves behind keeps the lock of steps until it ends, by file descriptor 8: so does an orphan,
# for which a repeat has to wait. The lock's own file is opened anew, since only that shows whether its name still leads
# to the file that the keeper holds.
_GUARD = """\
command exec 8>>{steps} || exit {unguarded}
flock -w {wait:g} 8 || exit {busy}
command exec 7<{lock} || exit {fenced}
if flock -n -s 7; then exit {fenced}; fi
IFS= read -r owner <&7
exec 7<&-
case $owner in *{token}*) ;; *) exit {fenced} ;; esac
unset owner
"""


def guard(names: Names, token: str, wait: float) -> str:
    """Return the lines that go before a script. They read nothing of its input; `wait` is in seconds."""
    return _GUARD.format(
        steps=word(names.step_lock),
        lock=word(names.lock),
        wait=wait,
        token=word(f'"token": "{token}"'),
        busy=BUSY,
        fenced=FENCED,
        unguarded=UNGUARDED,
    )
