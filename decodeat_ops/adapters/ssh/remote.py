"""Provide a machine that is reached over SSH: one connection, opened at the first use."""

import contextlib
import shlex
import threading

import paramiko

from decodeat_ops.adapters.ssh.channel import ChannelDuplex
from decodeat_ops.adapters.ssh.connection import Connection, connect
from decodeat_ops.adapters.ssh.duplex import Duplex
from decodeat_ops.adapters.ssh.entrance import Entrance
from decodeat_ops.adapters.ssh.machine import Machine
from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.adapters.ssh.route import Route, route
from decodeat_ops.core.abilities import Attached
from decodeat_ops.core.errors import OpsError, Unreachable

_OPENING = 30.0  # seconds, for a channel and for root at its end
_ON_A_TERMINAL = 'if [ "$(id -u)" = 0 ]; then exec sh -c "$1"; fi; exec sudo -- sh -c "$1"'


class SshRemote(Machine):
    """Do what `core.remote.Remote` says.

    `config` is a file of ssh's configuration, "" for the user's own; `user` is who to be there, "" for what it says.
    """

    def __init__(self, name: str, *, operator: Operator, config: str = "", user: str = "") -> None:
        super().__init__(name)
        self._operator = operator
        self._config = config
        self._user = user
        self._route: Route | None = None
        self._connection: Connection | None = None
        self._failed: OpsError | None = None  # why the connection could not be made in the background
        self._connecting = threading.RLock()

    @property
    def address(self) -> str:
        return self._resolved().host

    @property
    def connected(self) -> bool:
        """Return whether there is a connection that is not known to be gone."""
        with self._connecting:
            return self._connection is not None and self._connection.stands

    def attached(self, script: str) -> Attached:
        """Return ssh itself with a terminal; sudo asks there for itself, and the script shows in process lists."""
        command = shlex.join(("exec", "sh", "-c", _ON_A_TERMINAL, "sh", script))
        argv = ("ssh", "-t", *self._resolved().options, "--", self.name, command)
        return Attached(argv, {}, f"root at {self.name}")

    def approach(self) -> None:
        def run() -> None:
            with self._connecting:
                try:
                    self._connected()
                except OpsError as error:
                    self._failed = error

        threading.Thread(target=run, name=f"way to {self.name}", daemon=True).start()

    def entered(self) -> Duplex:
        channel = self._channel()
        duplex = ChannelDuplex(channel)
        entrance = Entrance()
        try:
            channel.settimeout(_OPENING)
            channel.exec_command(entrance.command)
            entrance.enter(duplex, self.name, lambda: self._operator.sudo_password(self.name), _OPENING)
        except (paramiko.SSHException, OSError, EOFError) as error:
            duplex.close()
            raise self._no_channel(error) from error
        except BaseException:
            duplex.close()
            raise
        return duplex

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            super().close()
        with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _resolved(self) -> Route:
        with self._connecting:
            if self._route is None:
                self._route = route(self.name, config=self._config, user=self._user)
            return self._route

    def _channel(self) -> paramiko.Channel:
        """Open a channel, once more over a new connection when the one that stood turns out to be gone."""
        while True:
            connection, stood = self._connected()
            try:
                return connection.channel(_OPENING)
            except (paramiko.SSHException, OSError, EOFError) as error:
                if not stood or connection.stands:
                    raise self._no_channel(error) from error

    def _connected(self) -> tuple[Connection, bool]:
        """Return the connection, and whether it stood before."""
        with self._connecting:
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            connection = self._connection
            if connection is not None and connection.stands:
                return connection, True
            self._connection = None
            if connection is not None:
                connection.close()
            self._connection = connect(self._resolved(), self._operator)
            return self._connection, False

    def _no_channel(self, error: Exception) -> Unreachable:
        reason = str(error).rstrip(".") or "the connection broke off"
        return Unreachable(
            f"{self.name} opens no channel: {reason}.",
            state="Nothing was run there.",
            hint="Repeat the command; a machine that opens few channels says MaxSessions in its sshd_config.",
        )
