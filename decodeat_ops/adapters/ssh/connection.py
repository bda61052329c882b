"""Connect to a machine over SSH: its address, its host key, and the operator's own key."""

import contextlib
import logging
import shlex
import socket
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from typing import IO

import paramiko

from decodeat_ops.adapters.ssh import host_keys
from decodeat_ops.adapters.ssh.host_keys import HostKey, Verdict
from decodeat_ops.adapters.ssh.keys import authenticate
from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.adapters.ssh.route import Route
from decodeat_ops.core.errors import Unreachable

KEEPALIVE = 10  # seconds
SILENCE = 30  # seconds that nothing may be acknowledged, after which the connection is gone
_NOTHING = "Nothing was run there."
_FAST = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_SAFE_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else it prints its traces; errors say it all


class Connection:
    """Hold one connection, and the program that it goes through, if any.

    While one channel is used the next one is opened already, so that it is there at once when it is needed.
    """

    def __init__(self, transport: paramiko.Transport, proxy: subprocess.Popen[bytes] | None) -> None:
        self._transport = transport
        self._proxy = proxy
        self._ahead: Future[paramiko.Channel | None] | None = None
        self._taking = threading.Lock()

    def channel(self, seconds: float) -> paramiko.Channel:
        """Return a channel on which nothing runs yet. Raises what paramiko does when the machine opens none."""
        with self._taking:
            ahead, self._ahead = self._ahead, None
            found = ahead.result() if ahead is not None else None
            if found is None or found.closed:  # it may allow few at a time, and one of them may have ended since
                found = self._transport.open_session(timeout=seconds)
            self._ahead = self._opening(seconds)
        return found

    def _opening(self, seconds: float) -> "Future[paramiko.Channel | None]":
        """Open a channel in the background; the result is None when there is none to be had."""
        future: Future[paramiko.Channel | None] = Future()

        def run() -> None:
            try:
                future.set_result(self._transport.open_session(timeout=seconds))
            except (paramiko.SSHException, OSError, EOFError):
                future.set_result(None)  # whoever needs one asks again, and is told why

        threading.Thread(target=run, name="next channel", daemon=True).start()
        return future

    @property
    def stands(self) -> bool:
        return bool(self._transport.is_active())

    def close(self) -> None:
        self._transport.close()
        if self._proxy is not None:
            _end(self._proxy)


def connect(route: Route, operator: Operator) -> Connection:
    """Connect and sign in. Raises `Unreachable` with the reason; nothing was run then."""
    with contextlib.ExitStack() as undo, tempfile.TemporaryFile() as said:
        proxy = None
        if route.proxy:
            proxy, connection = _through(route, said)
            undo.callback(_end, proxy)
        else:
            connection = _directly(route)
        undo.callback(connection.close)
        try:
            transport = paramiko.Transport(connection)
            undo.callback(transport.close)
            _greet(transport, route, operator)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _no_greeting(route, error, _tail(said)) from error
        authenticate(transport, route, operator)
        transport.set_keepalive(KEEPALIVE)
        undo.pop_all()
        return Connection(transport, proxy)


def _greet(transport: paramiko.Transport, route: Route, operator: Operator) -> None:
    """Begin the connection, and judge the key that the host shows."""
    there = host_keys.known(route)
    options = transport.get_security_options()
    options.ciphers = [name for name in _FAST if name in options.ciphers]
    options.digests = [name for name in _SAFE_MACS if name in options.digests]
    kinds = [kind for known in there.kinds for kind in _algorithms(known) if kind in options.key_types]
    options.key_types = [*kinds, *(kind for kind in options.key_types if kind not in kinds)]
    transport.banner_timeout = route.timeout
    transport.auth_timeout = 60.0  # an agent's key may want to be touched
    transport.start_client(timeout=route.timeout)
    if not transport.initial_kex_done:
        raise TimeoutError(f"it did not agree on a key within {route.timeout:g} s")
    key = transport.get_remote_server_key()
    offered = HostKey(key.get_name(), key.get_base64())
    verdict = host_keys.judge(offered, there, route.revoked)
    if verdict is Verdict.KNOWN:
        return
    if verdict is Verdict.NEW and operator.accepts(route.name, f"{offered.fingerprint} ({offered.kind})"):
        host_keys.remember(route, offered)
        return
    raise _stranger(route, offered, verdict, there)


def _algorithms(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _stranger(route: Route, key: HostKey, verdict: Verdict, there: host_keys.Known) -> Unreachable:
    shown = f"{key.fingerprint} ({key.kind})"
    command = f"{route.by_hand()} true"
    if verdict is Verdict.NEW:
        what = f"The key of {route.name} ({route.place}) is not known: {shown}."
        hint = f"Compare it with the machine's own, then accept it: {command}"
        if there.authorities:
            hint = (
                "ssh knows it by an authority's certificate, which is not read here: add the key itself to known_hosts."
            )
    elif verdict is Verdict.REVOKED:
        what = f"The key of {route.name} ({route.place}) is revoked: {shown}."
        hint = "Give the machine another key; whoever has this one can pretend to be it."
    else:
        files = ", ".join(str(path) for path in there.files)
        what = f"The key of {route.name} ({route.place}) is another one than before: {shown}; known from {files}."
        hint = (
            "Somebody may be in between. Only if the machine was set up anew: "
            f"{shlex.join(('ssh-keygen', '-f', str(there.files[0]), '-R', route.known_as))}, then {command}"
        )
    return Unreachable(what, state=_NOTHING, hint=hint, where="vm.hosts")


def _directly(route: Route) -> socket.socket:
    try:
        connection = socket.create_connection((route.host, route.port), route.timeout)
    except socket.gaierror as error:
        hint = "Check vm.hosts and HostName in ssh's configuration, and this machine's name servers."
        raise _unreachable(route, f"the name {route.host} is not known here ({error.strerror})", hint) from error
    except ConnectionRefusedError as error:
        raise _unreachable(route, "it refuses the connection", "Check the port, and that sshd runs there.") from error
    except TimeoutError as error:
        hint = "Check the address, the network and the firewalls on the way."
        raise _unreachable(route, f"it did not answer within {route.timeout:g} s", hint) from error
    except OSError as error:
        raise _unreachable(route, (error.strerror or str(error)).lower(), "Check the network.") from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; keepalives that nobody acknowledges never end it otherwise
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)
    return connection


def _through(route: Route, said: IO[bytes]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the program that leads to the host; one socket is its input and its output."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            # In a session of its own: Ctrl-C is for this process, which ends it when it is time.
            end = theirs.fileno()
            proxy = subprocess.Popen(route.proxy, stdin=end, stdout=end, stderr=said, start_new_session=True)
        except OSError as error:
            ours.close()
            raise _unreachable(route, f"{route.proxy[0]} can't be run ({error.strerror})", "") from error
    return proxy, ours


def _tail(said: IO[bytes]) -> str:
    size = said.seek(0, 2)
    said.seek(max(0, size - 2000))
    return said.read().decode(errors="replace").strip()


def _no_greeting(route: Route, error: Exception, said: str) -> Unreachable:
    if route.proxy:
        lines = tuple(said.splitlines())
        # ssh itself, which may ask: the program of ours has nobody to ask whether it knows a key on the way.
        hint = f"Try it by hand, and answer what ssh asks: {route.by_hand()} true"
        return Unreachable(
            f"{route.name} ({route.place}) is not reached through {route.proxy[0]}: {lines[-1] if lines else error}.",
            state=_NOTHING, hint=hint, lines=lines, where="vm.ssh_config",
        )  # fmt: skip
    reason = str(error).rstrip(".") or "it closed the connection at once"
    return _unreachable(route, reason, f"Look at what listens there; `{route.by_hand('-v')}` shows what ssh does.")


def _unreachable(route: Route, why: str, hint: str) -> Unreachable:
    return Unreachable(
        f"{route.name} ({route.place}) can't be reached: {why}.", state=_NOTHING, hint=hint, where="vm.hosts"
    )


def _end(proxy: subprocess.Popen[bytes]) -> None:
    proxy.terminate()
    try:
        proxy.wait(5.0)
    except subprocess.TimeoutExpired:
        proxy.kill()
        proxy.wait()
