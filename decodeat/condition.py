"""Whether a part of the service can work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """`detail` is for operators; it holds no path, address or secret."""

    ok: bool
    detail: str
