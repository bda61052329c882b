"""Offer a machine the operator's keys, in the order that ssh does, until it takes one."""

import base64
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from paramiko.agent import AgentSSH

from decodeat_ops.adapters.ssh.operator import Operator
from decodeat_ops.adapters.ssh.route import Route
from decodeat_ops.core.errors import Unreachable

_NOTHING = "Nothing was run there."


@dataclass(frozen=True)
class Offered:
    """Hold a key that can sign, and what it is called."""

    name: str
    key: Any  # paramiko's, of the agent or of a file


class Agent(AgentSSH):  # type: ignore[misc]  # it has no types
    """Ask the agent at a socket; paramiko's own class knows the one of SSH_AUTH_SOCK alone."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(60.0)  # a key may want to be touched
            connection.connect(path)
            self._connect(connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._close()


def authenticate(transport: paramiko.Transport, route: Route, operator: Operator) -> None:
    """Offer keys until one is taken.

    Raises `Unreachable` with the keys that were tried, and what the machine takes instead.
    """
    notes: list[str] = []
    agent = _agent(route, notes)
    tried: list[str] = []
    try:
        for offered in _offers(route, agent, operator, notes):
            tried.append(offered.name)
            try:
                further = transport.auth_publickey(route.user, offered.key)
            except paramiko.BadAuthenticationType as error:
                raise _refused(route, tried, notes, ", ".join(error.allowed_types)) from error
            except (paramiko.SSHException, OSError, EOFError) as error:
                if not transport.is_active():
                    notes.append("it closed the connection then, as it does after too many keys")
                    raise _refused(route, tried, notes, "") from error
                continue
            if not further:
                return
            notes.append(f"{offered.name} was taken, and something more is asked for")
            raise _refused(route, tried, notes, ", ".join(further))
    finally:
        if agent is not None:
            agent.close()
    raise _refused(route, tried, notes, "")


def _agent(route: Route, notes: list[str]) -> Agent | None:
    path = os.environ.get(route.agent.lstrip("$").strip("{}"), "") if "/" not in route.agent else route.agent
    if not path:
        return None
    try:
        return Agent(path)
    except (OSError, paramiko.SSHException) as error:
        notes.append(f"no agent at {path}: {error}")
        return None


def _offers(route: Route, agent: Agent | None, operator: Operator, notes: list[str]) -> Iterator[Offered]:
    """Yield the agent's keys that files name, its others unless files alone count, and then those of files."""
    files = [path for path in route.identities if _there(path) or _there(_public(path))]
    blobs = {path: _blob(path) for path in files}
    held = list(agent.get_keys()) if agent is not None else []
    named = [key for path in files for key in held if key.asbytes() == blobs[path]]
    others = [] if route.identities_only else [key for key in held if key not in named]
    for key in (*named, *others):
        yield Offered(f"{key.comment or 'a key'} of the agent ({key.get_name()})", key)
    there = {key.asbytes() for key in named}
    for path in files:
        if path.suffix != ".pub" and _there(path) and blobs[path] not in there:
            key = _loaded(path, operator, notes)
            if key is not None:
                yield Offered(f"{path} ({key.get_name()})", key)


def _there(path: Path) -> bool:
    """Return whether there is a file, as far as this user may look; `Path.exists` raises where that is nowhere."""
    return os.access(path, os.F_OK)


def _public(path: Path) -> Path:
    return path if path.suffix == ".pub" else path.with_name(path.name + ".pub")


def _blob(path: Path) -> bytes:
    """Return the public key that lies beside a private one, empty when it does not."""
    try:
        words = _public(path).read_text(errors="replace").split()
        return base64.b64decode(words[1], validate=True) if len(words) > 1 else b""
    except (OSError, ValueError):
        return b""


def _loaded(path: Path, operator: Operator, notes: list[str]) -> Any:
    """Return a file's key, None when it can't be used: a note says why."""
    try:
        try:
            return paramiko.PKey.from_path(path)
        except (TypeError, paramiko.PasswordRequiredException):  # it is encrypted
            phrase = operator.passphrase(path)
            if phrase is None:
                notes.append(f"{path} is encrypted, and there is nobody to ask for its passphrase")
                return None
            return _decrypted(path, phrase.reveal())
    except OSError as error:
        notes.append(f"{path}: {error.strerror}")
    except (ValueError, TypeError, paramiko.SSHException, paramiko.UnknownKeyType) as error:
        notes.append(f"{path} can't be used, its passphrase may be wrong: {error}")
    return None


def _decrypted(path: Path, phrase: str) -> Any:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key = kind.from_private_key_file(str(path), password=phrase)
        except (paramiko.SSHException, ValueError) as error:
            last = error
            continue
        certificate = path.with_name(path.name + "-cert.pub")
        if certificate.exists():
            key.load_certificate(str(certificate))
        return key
    raise last


def _refused(route: Route, tried: list[str], notes: list[str], instead: str) -> Unreachable:
    keys = f"it took none of {len(tried)} keys" if tried else "there is no key to sign in with"
    wants = f"; it takes {instead}" if instead else ""
    lines = (*(f"tried: {name}" for name in tried), *notes)
    return Unreachable(
        f"{route.name} does not let {route.user} in: {keys}{wants}.",
        state=_NOTHING,
        hint=f"Check vm.user and the user's authorized keys; `{route.by_hand('-v')}` shows what ssh does.",
        lines=lines,
        where="vm.user",
    )
