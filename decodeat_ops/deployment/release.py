"""Describe a release on this machine."""

from dataclasses import dataclass, field

from decodeat_ops.core.release import Release


@dataclass(frozen=True)
class LocalRelease(Release):
    """Add the address on which the release takes clients' requests."""

    host: str = field(kw_only=True)
    port: int = field(kw_only=True)
