"""Define the port to a machine that is reached over the network: scripts as root, streams, and programs that stay."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from decodeat_ops.core.abilities import Attached


@dataclass(frozen=True)
class Answer:
    """Hold what a script ended with: its exit status, and its decoded output."""

    status: int
    stdout: str
    stderr: str


class Held(Protocol):
    """Ask a program that stays on the machine, a line for a line."""

    def ask(self, line: str, timeout: float = 30.0) -> str:
        """Send a line, and return the line that it answers. Raises `Lost` when none comes in time."""
        ...


class Remote(Protocol):
    """Run scripts of POSIX sh as root on one machine, over one connection that the first use opens if not `approach`.

    Every method raises `Unreachable` when the connection can't be made, so that nothing was run, and `Lost` when it
    broke off or an answer did not come in time: what was run may have come to its end.
    """

    @property
    def name(self) -> str:
        """Return what the settings call the machine."""
        ...

    @property
    def address(self) -> str:
        """Return the address that it is connected to, without a port."""
        ...

    def approach(self) -> None:
        """Connect in the background. Whoever uses the machine next waits for that, and is told when it failed."""
        ...

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        """Run a script to its end in the connection's one shell; it reads `given` from its standard input.

        Neither of them shows in a process list of the machine. A script that leaves a program behind in the background
        must have closed its output.
        """
        ...

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        """Run a script on a channel of its own, which reads `content` from its standard input.

        `timeout` is how long nothing may move.
        """
        ...

    def lines(self, script: str) -> AbstractContextManager[Iterator[str]]:
        """Run a script on a channel of its own, and yield the lines of its output as they come, until it ends.

        Leaving the context ends the script. One that fails by itself raises `Unreachable` with its own words.
        """
        ...

    def hold(self, script: str) -> AbstractContextManager[Held]:
        """Start a script on a channel of its own that answers each line of its input with a line.

        Leaving the context closes its input, at which it has to end. So does a connection that breaks off.
        """
        ...

    def attached(self, script: str) -> Attached:
        """Return what runs a script as root on the operator's own terminal."""
        ...

    def close(self) -> None:
        """End the shell and the connection."""
        ...


Hosts = Sequence[Remote]
