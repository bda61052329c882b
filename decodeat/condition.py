"""Whether a part of the service can work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """`detail` is for operators; it holds no path, address or secret.

    `needed` parts are this instance's own: without one it can't answer, and another instance may. What all instances
    share (a cache, a database server, Google) takes none of them out of traffic: that would end the service whole.
    """

    ok: bool
    detail: str
    needed: bool = True
