"""Become root at the far end of a channel, and start a program there whose text is no argument of anything.

The channel's command is the same for all programs: it says that it is there and reads its script, line by line, so that
what follows the script in the stream is left for the script itself.
"""

import secrets
import shlex
import time
from collections.abc import Callable

from decodeat_ops.adapters.ssh.duplex import FEED, Broken, Duplex, Late
from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.core.secret import Secret

Password = Callable[[], Secret | None]  # None: nobody can be asked
SHELL = "exec sh"  # the script of a channel that runs others
_NOISE = 1 << 16  # bytes that are kept of what a login shell says
_BOOT = (
    "LC_ALL=C; export LC_ALL; umask 022; PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; "
    'echo "$1"; nl=$(printf "\\nx"); nl=${nl%x}; IFS= read -r n || exit 255; s=; '
    'while [ "$n" -gt 0 ]; do IFS= read -r l || exit 255; s=$s$l$nl; n=$((n-1)); done; set --; eval "$s"'
)
_RISE = (
    'if [ "$(id -u)" = 0 ]; then exec sh -c "$1" sh "$2"; fi; '
    'command -v sudo >/dev/null || { echo "there is no sudo" >&2; exit 127; }; '
    'exec sudo -S -p "$3" -- sh -c "$1" sh "$2"'
)


class Entrance:
    """Hold what one channel's command says when it asks for a password and when its root is there."""

    def __init__(self) -> None:
        token = secrets.token_hex(12)
        self._ready, self._prompt = f"ready-{token}", f"password-{token}:"

    @property
    def command(self) -> str:
        """Return the channel's command, which every login shell reads alike."""
        return f"exec sh -c {shlex.quote(_RISE)} sh {shlex.quote(_BOOT)} {self._ready} {self._prompt}"

    def enter(self, duplex: Duplex, host: str, password: Password, seconds: float) -> None:
        """Wait until root is there; nothing but the password is written before that.

        Raises `Configuration` when the user may not become root, `Unreachable` when no answer comes in time.
        """
        out, err, given = b"", b"", False
        deadline = time.monotonic() + seconds
        try:
            while self._ready.encode() not in out:
                if time.monotonic() > deadline:
                    raise Late(f"root did not come within {seconds:g} s")
                if duplex.ended:
                    raise _refused(host, self._without_prompt(err), given=given)
                came = duplex.read(deadline - time.monotonic())
                out, err = (out + came.out)[-_NOISE:], (err + came.err)[-_NOISE:]
                if self._prompt.encode() in err:
                    if given:
                        raise _wrong(host)
                    write(duplex, _asked(host, password) + b"\n", seconds)
                    err, given, deadline = b"", True, time.monotonic() + seconds
        except Broken as error:
            raise Unreachable(
                f"{host} gave no shell of root: {error}.", hint="Check the network and the machine."
            ) from error

    def _without_prompt(self, err: bytes) -> str:
        return err.decode(errors="replace").replace(self._prompt, "").strip()


def booting(script: str) -> bytes:
    """Return what starts a script in a channel that was entered. Raises `ValueError` for a zero byte."""
    if "\0" in script:
        raise ValueError("a shell takes no zero byte")
    return f"{script.count(chr(10)) + 1}\n{script}\n".encode()


def write(duplex: Duplex, content: bytes, seconds: float) -> None:
    """Write all of a short content. Raises `Broken` when it is not taken in time."""
    left, deadline = memoryview(content), time.monotonic() + seconds
    while left:
        if time.monotonic() > deadline:
            raise Late("it took no more")
        left = left[duplex.write(left, FEED) :]


def _asked(host: str, password: Password) -> bytes:
    secret = password()
    if secret is None:
        raise Configuration(
            f"sudo at {host} asks for a password, and there is nobody to ask for it.",
            hint="Let the user use sudo without a password there, or run this on a terminal.",
            where="vm.user",
        )
    value = secret.reveal()
    if "\n" in value or "\0" in value:
        raise Configuration("A password of sudo is one line.", where="vm.user")
    return value.encode()


def _wrong(host: str) -> Configuration:
    return Configuration(
        f"sudo at {host} does not accept the password.",
        hint="Repeat the command with the password that the user has there.",
        where="vm.user",
    )


def _refused(host: str, said: str, *, given: bool) -> Configuration:
    if given and ("Sorry, try again" in said or "incorrect password" in said or "no password was provided" in said):
        return _wrong(host)
    return Configuration(
        f"The user at {host} can't become root: {said.rstrip('.') or 'its shell ended without a word'}.",
        hint="Use root, or a user that may run sh by sudo there.",
        where="vm.user",
    )
