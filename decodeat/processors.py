"""Count the processors for this process: those that a container may use, not those that its host has."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MINE = Path("/proc/self/cgroup")


def count() -> int:
    """Return the processors by affinity, limited by the smallest quota of its cgroups (rounded up); at least 1."""
    usable = len(os.sched_getaffinity(0))
    return max(1, min([usable, *(math.ceil(quota) for quota in _quotas())]))


def _quotas() -> Iterator[float]:
    """Yield the limits in processors, from this process's own cgroup up to the root that it sees."""
    try:
        lines = MINE.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # cgroup version 2 names no controllers here and has one tree; version 1 has a tree for the cpu controller.
        tree = CGROUPS / "cpu" if controllers else CGROUPS
        for place in (Path(path), *Path(path).parents):
            yield from _quota(tree / place.relative_to("/"))


def _quota(directory: Path) -> Iterator[float]:
    """Yield the limit that one cgroup sets, in processors; nothing when it sets none."""
    try:
        if (directory / "cpu.max").exists():
            limit, period = (directory / "cpu.max").read_text().split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            limit, period = ((directory / name).read_text().strip() for name in names)
    except (OSError, ValueError):
        return
    if limit not in {"max", "-1"}:
        yield int(limit) / int(period)
