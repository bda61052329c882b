"""Reach machines that are played by a real sshd each, as the product reaches others, and count what that takes.

Each command has connections of its own. What a server says of itself tells how many there were, and how many channels.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import pytest

from decodeat_ops.adapters.ssh import remote as ssh_remote
from decodeat_ops.adapters.ssh.remote import SshRemote
from decodeat_ops.application import verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.remote import Answer, Held
from tests.integration.vm_place import VmPlace
from tests.servers.sshd import Sshd, sshd
from tests.servers.vm import PlayedHost

# What carries other code's scripts there; the name of a round trip is that of whoever has one made.
_CARRIERS = ("side.py", "keeping.py", "keeper.py", "actions/running.py")


@dataclass(frozen=True)
class Trip:
    """One script, or one line for a program that stays, for which the product waited: in which step, and by whom."""

    host: str
    step: str
    kind: str  # run, send, hold, ask, lines
    name: str
    seconds: float = 0.0


@dataclass
class Count:
    """What one command took. `trips` are in order; connections and channels are by machine."""

    trips: list[Trip]
    connections: dict[str, int]
    channels: dict[str, int]
    outcome: Outcome

    def of(self, host: str) -> list[Trip]:
        return [one for one in self.trips if one.host == host]

    def told(self, host: str) -> str:
        """Say each round trip to a machine on a line."""
        lines = [f"{one.step:<16} {one.kind:<5} {one.name}" for one in self.of(host)]
        return "\n".join((f"{self.connections[host]} connections, {self.channels[host]} channels", *lines))


@dataclass
class Wire:
    """The servers of a place's machines, and an operator who reaches them with the product's own SSH."""

    place: VmPlace
    servers: dict[str, Sshd]
    trips: list[Trip] = field(default_factory=list)
    step: str = ""
    opened: list[SshRemote] = field(default_factory=list)

    def deploy(self, change: Change | None = None) -> Count:
        return self.count(verbs.deploy, change)

    def rollback(self) -> Count:
        return self.count(verbs.rollback)

    def count(self, verb: Callable[[Desk, Change], Outcome], change: Change | None = None) -> Count:
        """Carry out a verb as a command does, and count what it took until it was over."""
        before = self._said()
        self.trips.clear()
        self.step = "before"
        try:
            outcome = verb(open_desk(self.place.loaded()), change or Change(emit=self._watch))
        finally:
            for one in self.opened:
                one.close()
            self.opened.clear()
        after = self._said()
        connections, channels = ({name: after[name][at] - before[name][at] for name in after} for at in (0, 1))
        return Count([*self.trips], connections, channels, outcome)

    def _said(self) -> dict[str, tuple[int, int]]:
        """Return how many connections and channels each server has had."""
        logs = {name: (one.directory / "log").read_text(errors="replace") for name, one in self.servers.items()}
        return {name: (log.count("Accepted publickey "), log.count("Starting session: ")) for name, log in logs.items()}

    def _watch(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(step=step, undoing=undoing):
                self.step = f"undo {step.id}" if undoing else step.id
            case events.StepFinished():
                self.step = "between"
            case _:
                pass


class CountedRemote(SshRemote):
    """Write down each round trip to a machine."""

    def __init__(self, wire: Wire, name: str, **how: Any) -> None:
        super().__init__(name, **how)
        self._wire = wire

    def _note(self, kind: str, name: str = "", began: float = 0.0) -> None:
        taken = time.monotonic() - began if began else 0.0
        self._wire.trips.append(Trip(self.name, self._wire.step, kind, name or _asker(), taken))

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        began = time.monotonic()
        try:
            return super().run(script, given=given, timeout=timeout)
        finally:
            self._note("run", began=began)

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        began = time.monotonic()
        try:
            return super().send(script, content, timeout=timeout)
        finally:
            self._note("send", began=began)

    @contextlib.contextmanager
    def lines(self, script: str) -> Iterator[Iterator[str]]:
        self._note("lines")
        with super().lines(script) as lines:
            yield lines

    @contextlib.contextmanager
    def hold(self, script: str) -> Iterator[Held]:
        self._note("hold")
        with super().hold(script) as held:
            yield _Asked(self, held)


class _Asked:
    """A program that stays, whose questions are written down; what is said so that it stays keeps nobody waiting."""

    def __init__(self, remote: CountedRemote, held: Held) -> None:
        self._remote, self._held = remote, held

    def ask(self, line: str, timeout: float = 30.0) -> str:
        began = time.monotonic()
        answer = self._held.ask(line, timeout)
        word = line.partition(" ")[0]
        if word != "beat":
            self._remote._note("ask", f"keeper {word}" if word.isalpha() else "", began)
        return answer


def _asker() -> str:
    """Return the function of the target that waits, without what carries its script."""
    frame: FrameType | None = sys._getframe(2)
    found = "?"
    while frame is not None:
        path = frame.f_code.co_filename
        if "/targets/vm/" in path:
            place = path.partition("/targets/vm/")[2]
            if not place.endswith(_CARRIERS):
                return f"{place.removesuffix('.py')}:{frame.f_code.co_qualname}".replace(".<locals>", "")
            found = place
        frame = frame.f_back
    return found


@contextlib.contextmanager
def wired(place: VmPlace, *options: str) -> Iterator[Wire]:
    """Start a server for each machine of a place, and let the product reach them; `options` are sshd's."""
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        servers = {one.name: stack.enter_context(entered(one, *options)) for one in place.hosts}
        wire = Wire(place, servers)
        place.home.joinpath("ssh_config").write_text("".join(entry(one, servers[one.name]) for one in place.hosts))
        place.vm["ssh_config"] = str(place.home / "ssh_config")

        def opened(name: str, **how: Any) -> SshRemote:
            made = CountedRemote(wire, name, **how)
            wire.opened.append(made)
            return made

        patch.setattr(ssh_remote, "SshRemote", opened)
        yield wire


@contextlib.contextmanager
def entered(host: PlayedHost, *options: str) -> Iterator[Sshd]:
    """Start the server by which a machine that is played is entered, at the machine's own address."""
    told = " ".join(f'"{name}={value}"' for name, value in host.variables.items())
    with sshd(f"ListenAddress={host.address}", f"SetEnv={told}", "LogLevel=VERBOSE", *options) as server:
        yield server


def entry(host: PlayedHost, server: Sshd, port: int = 0) -> str:
    """Return the entry of ssh's configuration for a machine; `port` is that of what stands in front of its server."""
    return (
        f"Host {host.name}\n  HostName {host.address}\n  Port {port or server.port}\n  User root\n"
        f"  IdentityFile {server.key}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        f"  HostKeyAlias {server.known_as}\n  UserKnownHostsFile {server.known_hosts}\n  GlobalKnownHostsFile none\n"
    )
