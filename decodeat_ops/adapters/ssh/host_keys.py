"""Judge a host's key by the files of known hosts, which ssh-keygen reads: hashed names, patterns, revoked keys."""

import base64
import enum
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko

from decodeat_ops.adapters.ssh.route import Route
from decodeat_ops.core.errors import Configuration

_KRL = b"SSHKRL\n\0"  # how a list of revoked keys begins that is no text


class Verdict(enum.Enum):
    """Say what is known of a key."""

    KNOWN = "it is the host's"
    NEW = "nothing is known of the host"
    CHANGED = "the host has another key"
    REVOKED = "the key is revoked"


@dataclass(frozen=True)
class HostKey:
    """Hold a public key in the form that files have it in."""

    kind: str
    text: str

    @property
    def fingerprint(self) -> str:
        """Return what ssh shows of it."""
        digest = hashlib.sha256(base64.b64decode(self.text)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        return f"{self.kind} {self.text}"


@dataclass(frozen=True)
class Known:
    """Hold what the files say of one host."""

    keys: tuple[HostKey, ...]
    revoked: tuple[HostKey, ...]
    files: tuple[Path, ...]  # where the keys are from
    authorities: bool = False  # whether there are any that vouch for the host
    portless: bool = False  # whether the keys are of its name alone, though it is at another port than 22

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of key to ask the host for, when it may choose."""
        return tuple(dict.fromkeys(key.kind for key in self.keys))


def known(route: Route) -> Known:
    """Look a host up in all files. One at another port than 22 may also stand there without a port, as for ssh."""
    names = [route.known_as]
    if not route.alias and route.port != 22:
        names.append(route.host.lower())
    keys: list[HostKey] = []
    revoked: list[HostKey] = []
    files: list[Path] = []
    authorities = False
    for name in names:
        for path in (*route.known, *route.known_to_all):
            for marker, key in _entries(name, path):
                authorities = authorities or marker == "@cert-authority"
                if marker == "@revoked":
                    revoked.append(key)
                elif not marker:
                    keys.append(key)
                    files.append(path)
        if keys:
            break
    return Known(tuple(keys), tuple(revoked), tuple(dict.fromkeys(files)), authorities, name != route.known_as)


def judge(key: HostKey, there: Known, revoked: Path | None) -> Verdict:
    """Return what the files say of a key. Of a host that has any known key, another one is a changed one.

    What is at another port of the same name may be another machine, as behind a router: there it is a new one.
    """
    if key in there.revoked or (revoked is not None and _is_revoked(key, revoked)):
        return Verdict.REVOKED
    if key in there.keys:
        return Verdict.KNOWN
    return Verdict.CHANGED if there.keys and not there.portless else Verdict.NEW


def remember(route: Route, key: HostKey) -> None:
    """Append a key to the user's first file of known hosts, which is made when it is not there."""
    if not route.known:
        return
    path = route.known[0]
    name = paramiko.HostKeys.hash_host(route.known_as) if route.hashed else route.known_as
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+", 0) as file:
        size = file.seek(0, os.SEEK_END)
        whole = size == 0 or os.pread(file.fileno(), 1, size - 1) == b"\n"
        file.write(("" if whole else "\n").encode() + f"{name} {key.line}\n".encode())


def _entries(name: str, path: Path) -> Iterator[tuple[str, HostKey]]:
    """Yield the marker, "" for none, and the key of each line of a file that is about a name."""
    if not path.exists():
        return
    for line in _ran("-F", name, "-f", str(path)).splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) >= 3 and not line.startswith("#"):
            yield marker, HostKey(words[1], words[2])


def _is_revoked(key: HostKey, path: Path) -> bool:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Configuration(
            f"The list of revoked keys can't be read: {path}: {error.strerror}.",
            hint="ssh itself refuses every host then.",
            where="vm.ssh_config",
        ) from error
    if not content.startswith(_KRL):
        return any(key.text in line.split() for line in content.decode(errors="replace").splitlines())
    with tempfile.NamedTemporaryFile("w", suffix=".pub") as file:
        file.write(key.line + "\n")
        file.flush()
        return "REVOKED" in _ran("-Q", "-f", str(path), file.name)


def _ran(*words: str) -> str:
    """Return what ssh-keygen says, whatever its status: 1 is also how it says that it found nothing."""
    try:
        return subprocess.run(
            ("ssh-keygen", *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        ).stdout
    except FileNotFoundError as error:
        raise Configuration("There is no ssh-keygen on this machine.", hint="Install OpenSSH's client.") from error
