"""Give every script of a deployment the same beginning, and the words by which it says how it ended."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from decodeat_ops.targets.vm.scripts.quoting import lines, word

# Exit statuses of our scripts. Those of sh, Docker and Compose are below 70 or above 120; from 90 on are the guard's.
NOT_YET = 80  # it goes on, and has to be asked again
ENDED = 81  # the container ended, or was started again by the engine
OUT_OF_MEMORY = 82
NOT_READY = 83  # it runs, and never said that it is ready
UNTESTED = 84  # nginx refuses its new files
UNREACHED = 85  # nginx did not answer with the release, and the link leads where it led before
UNCHANGED = 86  # nginx goes on with its old files
MISSING = 87  # a file or an image that has to be on the machine is not there
WORSE = 88  # clients got errors, or waited too long
NO_START = 89  # Compose could not make or start the container
UNPASSED = 76  # PostgreSQL was not told its password
BARE = 77  # nothing of the release is there: the machine was made anew, or its disk is away
NO_ENGINE = 78  # Docker's engine does not answer: what it says nothing of may run on
SERVES = 79  # the colour that would be touched is the one that clients reach, or is not that one any more

KILLED = 137  # the exit code of what the kernel killed, which Docker does not always know to be for its memory
LOG = "--log--"  # the line of the output after which lines of a log follow
LOG_LINES = 30


def script(root: PurePosixPath, *parts: str) -> str:
    """Return a script that works in the directory of a deployment, which has to be there.

    What it makes is its owner's alone unless it says otherwise. Undefined variables end it.
    """
    return lines("set -u", "umask 077", f"cd {word(root)} || exit {MISSING}", *parts)


def lacks(release: str, status: int) -> str:
    """Return the command that ends a script with `status`, or with `BARE` where nothing of the release is there."""
    return f"{{ [ -d {word(f'releases/{release}')} ] || exit {BARE}; exit {status}; }}"


def say_log(container: str, count: int = LOG_LINES) -> str:
    """Return the command that says the last lines of a container's log."""
    return f"echo {word(LOG)}; docker logs --tail {count} {word(container)} 2>&1"


def told(output: str) -> Mapping[str, str]:
    """Return the facts that a script has printed, each as a line name=value, up to its log."""
    found = {}
    for line in output.partition(f"{LOG}\n")[0].splitlines():
        name, equals, value = line.partition("=")
        if equals and name.replace("-", "").isalnum():
            found[name] = value
    return found


def logged(output: str) -> tuple[str, ...]:
    """Return the lines of the log that a script has printed."""
    return tuple(output.partition(f"{LOG}\n")[2].splitlines()[-LOG_LINES:])
