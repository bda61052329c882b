"""Run scripts and programs as root on one machine, over whatever opens channels to it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

from decodeat_ops.adapters.ssh import programs
from decodeat_ops.adapters.ssh.duplex import Broken, Duplex
from decodeat_ops.adapters.ssh.entrance import SHELL, booting, write
from decodeat_ops.adapters.ssh.shell import Shell
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.remote import Answer, Held

_STARTING = 30.0  # seconds


class Machine(ABC):
    """Do what `core.remote.Remote` says with channels; what opens them, and `attached`, are a subclass's own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shell: Shell | None = None
        self._one_script = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    def approach(self) -> None:  # noqa: B027  a subclass may need more
        """Do nothing where no connection has to be made before a channel."""

    @abstractmethod
    def entered(self) -> Duplex:
        """Open a channel at whose end root waits for a script.

        Raises `Unreachable` or `Configuration`; nothing was run then.
        """

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        with self._one_script:
            shell = self._standing()
            self._shell = None  # a shell that did not come to a script's end, for whatever reason, is left
            try:
                answer = shell.run(script, given, timeout)
            except BaseException:
                shell.close()
                raise
            self._shell = shell
            return answer

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        with closing(self.entered()) as duplex:
            return programs.fed(duplex, self.name, script, content, timeout)

    @contextmanager
    def lines(self, script: str) -> Iterator[Iterator[str]]:
        with closing(self.entered()) as duplex:
            yield programs.followed(duplex, self.name, script)

    @contextmanager
    def hold(self, script: str) -> Iterator[Held]:
        with closing(self.entered()) as duplex:
            yield programs.Conversation(duplex, self.name, script)

    def close(self) -> None:
        with self._one_script:
            shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()

    def _standing(self) -> Shell:
        """Return the shell, a new one when there is none or the one before is gone."""
        if self._shell is not None:
            if not self._shell.ended:
                return self._shell
            self._shell.close()
            self._shell = None
        duplex = self.entered()
        try:
            write(duplex, booting(SHELL), _STARTING)
        except Broken as error:
            duplex.close()
            raise Unreachable(f"{self.name} gave no shell: {error}.") from error
        except BaseException:
            duplex.close()
            raise
        return Shell(duplex, self.name)
