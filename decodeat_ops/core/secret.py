"""Hold secrets in a type whose text is never shown by accident."""

import hashlib
from dataclasses import dataclass, field

MASK = "••••••"


@dataclass(frozen=True, repr=False)
class Secret:
    """Hold a resolved secret. Only `reveal()` returns its value; `str`, `repr` and formatting are masked."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def digest(self, salt: str) -> str:
        """Return 16 hex digits of a salted SHA-256, to tell a changed secret from an unchanged one."""
        return hashlib.sha256(f"{salt}\0{self._value}".encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


def mask(text: str, secrets: tuple[Secret, ...]) -> str:
    """Replace every occurrence of the secrets' values (longest first) in a text by the mask."""
    for value in sorted((s.reveal() for s in secrets), key=len, reverse=True):
        if len(value) >= 4:  # shorter values would blank out ordinary words
            text = text.replace(value, MASK)
    return text
