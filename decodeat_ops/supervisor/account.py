"""Hold what the supervisor knows of each release, and write it to the status file that `status` reads."""

import contextlib
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.supervisor.process import Process
from decodeat_ops.supervisor.unit import Unit

FORMAT = 2  # 1 had neither `root` nor `beat`
BEAT_SECONDS = 1.0
BYTES = 32 * 1024
LONGEST = 500  # characters of a problem: an error's text may hold a whole file


@dataclass
class Watched:
    """Hold what the supervisor knows of a release: its process if it has one, and its history of crashes."""

    unit: Unit | None = None
    process: Process | None = None
    restarts: int = 0
    streak: int = 0  # restarts in a row, each soon after the one before
    next_start: float = 0.0  # monotonic
    last_exit: str = ""
    problem: str = ""
    no_port: bool = False  # the problem is that its address can't be listened on
    drain_since: float = 0.0  # monotonic; 0 = not draining
    term_since: float = 0.0  # monotonic; 0 = not asked to stop
    reminded: float = 0.0  # monotonic; when it or its workers last got SIGTERM


class Account:
    """Write the status file, which takes its space once and is overwritten in place: a full disk does no harm."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._written = b""
        with contextlib.suppress(OSError):
            os.posix_fallocate(self._descriptor, 0, BYTES)

    def write(self, facts: dict[str, Any], releases: dict[str, Watched]) -> None:
        """Write the status after a change and once a second. A write that fails is tried again at the next call."""
        # The monotonic clock, which is never set: it shows a reader how old the file is.
        beat = time.monotonic() // BEAT_SECONDS * BEAT_SECONDS
        told = {
            "format": FORMAT,
            **facts,
            "beat": beat,
            "releases": {name: _told(w) for name, w in sorted(releases.items())},
        }
        text = json.dumps(told).encode()[: BYTES - 1].ljust(BYTES - 1) + b"\n"
        if text == self._written:
            return
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, text, 0)
            self._written = text


def _told(watched: Watched) -> dict[str, Any]:
    process = watched.process
    if process is None:
        state = "backing-off" if watched.restarts else ("blocked" if watched.problem else "starting")
    elif watched.term_since:
        state = "stopping"
    else:
        state = "draining" if watched.drain_since else "running"
    since = datetime.fromtimestamp(process.since, UTC).isoformat(timespec="seconds") if process else ""
    return {
        "state": state,
        "pid": process.pid if process else 0,
        "since": since,
        "restarts": watched.restarts,
        "last_exit": watched.last_exit,
        "problem": watched.problem[:LONGEST],
        "no_port": watched.no_port,
    }
