"""Ask the operator what a connection needs, one thread after the other, and each thing once in a process."""

import threading
from collections.abc import Callable
from pathlib import Path

from decodeat_ops.core.secret import Secret

Accept = Callable[[str, str], bool]
SudoPassword = Callable[[str], Secret | None]
Passphrase = Callable[[Path], Secret | None]


class Operator:
    """Answer for a person. Without a person, nothing is accepted and nothing is known.

    `accept` gets a host and the fingerprint of its key; `sudo_password` a host; `passphrase` a key's file.
    """

    def __init__(
        self,
        accept: Accept | None = None,
        sudo_password: SudoPassword | None = None,
        passphrase: Passphrase | None = None,
    ) -> None:
        self._accept = accept
        self._sudo_password = sudo_password
        self._passphrase = passphrase
        self._one_question = threading.RLock()
        self._password: Secret | None = None
        self._phrases: dict[Path, Secret | None] = {}

    def accepts(self, host: str, fingerprint: str) -> bool:
        with self._one_question:
            return self._accept is not None and self._accept(host, fingerprint)

    def sudo_password(self, host: str) -> Secret | None:
        """Return the password that sudo takes, the same one at all hosts; the first that asks for it names itself."""
        with self._one_question:
            if self._password is None and self._sudo_password is not None:
                self._password = self._sudo_password(host)
            return self._password

    def passphrase(self, key: Path) -> Secret | None:
        with self._one_question:
            if key not in self._phrases:
                self._phrases[key] = self._passphrase(key) if self._passphrase is not None else None
            return self._phrases[key]
