"""Plan a backup."""

from decodeat_ops.core.data import Data
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import R


def plan(snapshot: str, release: R, data: Data[R], deployment: str) -> Plan:
    return Plan(
        verb="backup",
        deployment=deployment,
        subject=snapshot,
        steps=data.save(release, snapshot),
        facts=(("release", release.id), ("into", f"{data.archives}/{snapshot}.tar.zst")),
    )
