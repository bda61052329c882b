"""What the kernel says about processes: whose they are, and what they have, or had at most, in memory."""

import contextlib
import os
import re
from pathlib import Path


def children(of: int | None = None) -> list[int]:
    """Of this process, or of another one, over all of its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{of or os.getpid()}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # threads come and go
            found += [int(pid) for pid in task.joinpath("children").read_text().split()]
    return found


def processor_seconds(process: int) -> float:
    """Return the seconds of processor time that a process has used so far."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> int:
    """Bytes that it has in memory."""
    return _status(process, "VmRSS")


def peak(process: int) -> int:
    """Bytes: the most that it had in memory since it began, or since `forget_peak`."""
    return _status(process, "VmHWM")


def _status(process: int, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")
