"""Build the guard that every script which changes something begins with: one at a time, and the lock's owner alone."""

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.keeper import written
from decodeat_ops.targets.vm.scripts.quoting import word

# Exit statuses of the guard, beside those of the scripts that it guards.
BUSY = 90  # an earlier script still runs
FENCED = 91  # whoever sent it does not hold the lock any more; nothing was run
UNGUARDED = 92  # there is no place for the lock; nothing was run
UNRECORDED = 96  # the journal can't be written; nothing was run, and the reason is the last line of the error output

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
{recorded}unset owner
"""

_RECORDED = """\
printf %s {records} |
  {written} || exit {unrecorded}
"""

# Who sends may be frozen, or gone without a word: nothing ends the input then, and what reads it would keep the lock of
# steps for as long. Its end is that of the right to change the machine.
_FED = """\
lost() {{
  [ ! -e {lock} ] || flock -n -s {lock} true || ! grep -qF -e {token} {lock}
}}
exec 3<&0
{command} <&3 3<&- & fed=$!
exec 3<&-
(while sleep {beat:g}; do if lost; then kill "$fed"; break; fi; done) </dev/null >/dev/null 2>&1 8>&- & watch=$!
wait "$fed"; status=$?
kill "$watch" 2>/dev/null
"""


def guard(names: Names, token: str, wait: float, recorded: str = "") -> str:
    """Return the lines that go before a script. They read nothing of its input; `wait` is in seconds.

    `recorded` are lines of `recording`, which come once it is sure whose the lock is.
    """
    return _GUARD.format(
        steps=word(names.step_lock),
        lock=word(names.lock),
        wait=wait,
        token=_written(token),
        recorded=recorded,
        busy=BUSY,
        fenced=FENCED,
        unguarded=UNGUARDED,
    )


def recording(journal: str, offset: int, records: str) -> str:
    """Return the lines that write records, each with its line break, to a journal at an offset in bytes."""
    return _RECORDED.format(records=word(records), written=written(word(journal), offset), unrecorded=UNRECORDED)


def fed(names: Names, token: str, command: str, beat: float = 5.0) -> str:
    """Return the lines that run a command with a script's input, and leave its status as `status`.

    It is ended within `beat` seconds when the lock is not the sender's any more.
    """
    return _FED.format(lock=word(names.lock), token=_written(token), command=command, beat=beat)


def _written(token: str) -> str:
    """Return a token as it stands in the lock's file, quoted."""
    return word(f'"token": "{token}"')
