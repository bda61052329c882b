"""A machine that is this one: `core.remote.Remote` over shells of this machine, framed as over SSH, with faults."""

import enum
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from decodeat_ops.adapters.ssh.duplex import Broken, Came, Duplex
from decodeat_ops.adapters.ssh.entrance import Entrance
from decodeat_ops.adapters.ssh.machine import Machine
from decodeat_ops.core.abilities import Attached
from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.remote import Answer, Held
from tests.support.waiting import PATIENCE

Result = TypeVar("Result")
_ENDING = 0.5  # seconds


class Cut(enum.Enum):
    """How a connection fails when something is run."""

    REFUSED = "nothing is run: Unreachable"
    BEFORE = "nothing is run, and nobody knows: Lost"
    AFTER = "it is run to its end, and nobody knows: Lost"


class Pipes:
    """A program of this machine as a `Duplex`."""

    def __init__(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, env=variables, bufsize=0, start_new_session=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._input = self.process.stdin
        self._out, self._err = self.process.stdout.fileno(), self.process.stderr.fileno()
        self._open = {self._out, self._err}
        self._left = False
        for number in (self._input.fileno(), self._out, self._err):
            os.set_blocking(number, False)

    @property
    def ended(self) -> bool:
        return not self._open

    def write(self, content: memoryview, seconds: float) -> int:
        if self._input.closed:
            raise Broken("its input is closed")
        poll = select.poll()
        poll.register(self._input.fileno(), select.POLLOUT)
        if not poll.poll(seconds * 1000):
            return 0
        try:
            return os.write(self._input.fileno(), content)
        except BlockingIOError:
            return 0
        except BrokenPipeError as error:
            raise Broken("it reads no more") from error

    def finish(self) -> None:
        self._input.close()

    def read(self, seconds: float) -> Came:
        poll = select.poll()
        for number in self._open:
            poll.register(number, select.POLLIN)
        ready = {number for number, _ in poll.poll(seconds * 1000)} if self._open else set()
        return Came(*(self._read(number) if number in ready else b"" for number in (self._out, self._err)))

    def _read(self, number: int) -> bytes:
        content = os.read(number, 1 << 16)
        if not content:
            self._open.discard(number)
        return content

    def status(self, seconds: float) -> int | None:
        if self._left:
            return None
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return status if status >= 0 else 128 - status

    def close(self) -> None:
        """As a connection that is closed: the program sees its input end, and nothing takes what it writes."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        self._open.clear()
        self._left = True
        self.process.poll()


class LocalRemote(Machine):
    """`variables` are added to those of this process, such as a PATH with other programs first.

    `scripts` are those that were run, in order, however; `cuts` says by number in it, from 0, what fails how, and
    `cut_on` the same by what a script contains, once for each text.
    """

    def __init__(
        self,
        name: str = "here",
        *,
        address: str = "127.0.0.1",
        variables: Mapping[str, str] | None = None,
        cuts: Mapping[int, Cut] | None = None,
    ) -> None:
        super().__init__(name)
        self._address = address
        self._variables = {**os.environ, **(variables or {})}
        self._cuts = dict(cuts or {})
        self._texts: dict[str, Cut] = {}
        self._channels: list[Pipes] = []
        self.scripts: list[str] = []

    @property
    def address(self) -> str:
        return self._address

    def cut_on(self, text: str, cut: Cut) -> None:
        self._texts[text] = cut

    def entered(self) -> Duplex:
        entrance = Entrance()
        pipes = Pipes(("sh", "-c", entrance.command), self._variables)
        self._channels = [*(one for one in self._channels if one.process.poll() is None), pipes]
        entrance.enter(pipes, self.name, lambda: None, PATIENCE)
        return pipes

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        return self._cut(script, lambda: super(LocalRemote, self).run(script, given=given, timeout=timeout))

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        return self._cut(script, lambda: super(LocalRemote, self).send(script, content, timeout=timeout))

    @contextmanager
    def lines(self, script: str) -> Iterator[Iterator[str]]:
        with self._cut(script, lambda: super(LocalRemote, self).lines(script)) as lines:
            yield lines

    @contextmanager
    def hold(self, script: str) -> Iterator[Held]:
        with self._cut(script, lambda: super(LocalRemote, self).hold(script)) as held:
            yield held

    def attached(self, script: str) -> Attached:
        return Attached(("sh", "-c", script), {}, f"a shell at {self.name}")

    def close(self) -> None:
        """End the shell; what does not end with its input is killed, but for what is in a session of its own."""
        super().close()
        for pipes in self._channels:
            pipes.close()
        for pipes in self._channels:
            try:
                pipes.process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                os.killpg(pipes.process.pid, signal.SIGKILL)
                pipes.process.wait()
        self._channels.clear()

    def break_off(self) -> None:
        """Break off all that is open, as a connection that is cut. What runs at the other end goes on."""
        for pipes in self._channels:
            pipes.close()

    def _cut(self, script: str, act: Callable[[], Result]) -> Result:
        number = len(self.scripts)
        self.scripts.append(script)
        cut = self._cuts.pop(number, None)
        for text in [text for text in self._texts if text in script]:
            cut = self._texts.pop(text)
        if cut is Cut.REFUSED:
            raise Unreachable(f"{self.name} refuses the connection.")
        if cut is Cut.BEFORE:
            raise Lost(f"The connection to {self.name} broke off.", state="Whether it was done is unknown.")
        result = act()
        if cut is Cut.AFTER:
            raise Lost(f"The connection to {self.name} broke off.", state="Whether it was done is unknown.")
        return result
