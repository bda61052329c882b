"""Write down what a deploy runs on its machine, so that it can be run again by hand, for a release beside that one.

`python -m bench.vm_recorded CONFIG FILE` deploys with the settings CONFIG, and writes to FILE in JSON what was run: all
but the lock and the journal, which nobody keeps by hand.
"""

import base64
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from decodeat_ops.adapters.ssh import remote
from decodeat_ops.adapters.ssh.remote import SshRemote
from decodeat_ops.core.remote import Answer, Held
from decodeat_ops.targets.vm.scripts import look

_GUARDED = "unset owner\n"  # what the guard of a script ends with: by hand nobody else is kept out
_KEEPER = "lock=$root/lock\n"  # is in the script that keeps the lock and the journal
_LEDGER = ('"$root/step.lock"', '"$root/journal" -maxdepth')  # one of them is in each script that looks after both
_LOOKS = f"echo {look.SEEN}\n"
# A wait that goes on in a script of its own is one wait by hand, however long: the same release may start slower then.
_DEADLINE = re.compile(r"(?<=\$\(date \+%s\) \+ )\d+")
_PATIENT = "300"  # seconds
_END = "end-of-what-is-given"
Ran = list[dict[str, str]]


class Recorded(SshRemote):
    """Reach a machine as the product does, and write down each script with what it was given."""

    ran: Ran = []  # noqa: RUF012  of the one machine there is

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        own = script
        if any(sign in script for sign in _LEDGER):
            own = script.partition(_LOOKS)[2]  # the look that is asked for along with it
        if own:
            self.ran.append({"script": own, "given": given})
        return super().run(script, given=given, timeout=timeout)

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        raise RuntimeError("an image is sent: what is compared changes a setting alone")

    @contextmanager
    def hold(self, script: str) -> Iterator[Held]:
        with super().hold(script) as held:
            yield held if _KEEPER in script else _Asked(script, held)


class _Asked:
    """Write down what a program that stays is asked: by hand it is started for each question."""

    def __init__(self, script: str, held: Held) -> None:
        self._script, self._held = script, held

    def ask(self, line: str, timeout: float = 30.0) -> str:
        Recorded.ran.append({"script": self._script, "given": line})
        return self._held.ask(line, timeout)


def by_hand(ran: Sequence[Mapping[str, str]], words: Mapping[str, str]) -> str:
    """Return one script that runs the same, with other words, as long as these: a release's id, and colours."""
    parts = []
    for one in ran:
        script = _DEADLINE.sub(_PATIENT, replaced(one["script"].rpartition(_GUARDED)[2], words))
        given = _given(one["given"], words).rstrip("\n")
        parts.append(f"(\n{script}\n) <<'{_END}'\n{given}\n{_END}\n" if given else f"(\n{script}\n) </dev/null\n")
    return "".join(parts)


def _given(text: str, words: Mapping[str, str]) -> str:
    """Return input with the words replaced, also in the files of an archive in base64."""
    try:
        content = base64.b64decode(text.replace("\n", ""), validate=True)
    except ValueError:
        return replaced(text, words)
    if b"ustar" not in content:
        return replaced(text, words)
    return base64.encodebytes(replaced(content.decode("latin-1"), words).encode("latin-1")).decode()


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Replace all words at once, so that two of them can be exchanged."""
    for number, old in enumerate(words):
        text = text.replace(old, f"\0{number}\0")
    for number, new in enumerate(words.values()):
        text = text.replace(f"\0{number}\0", new)
    return text


def main() -> int:
    from decodeat_ops.application import verbs
    from decodeat_ops.application.settings import load
    from decodeat_ops.application.targets import open_desk
    from decodeat_ops.application.workflow import Change

    remote.SshRemote = Recorded  # type: ignore[misc]  # application/targets.py opens it by this name
    outcome = verbs.deploy(open_desk(load(Path(sys.argv[1]), None, {})), Change())
    Path(sys.argv[2]).write_text(json.dumps({"release": outcome.data["release"], "ran": Recorded.ran}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
