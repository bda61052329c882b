"""Tell what runs on this machine: the supervisor, and the processes of each release."""

import contextlib
import os
from pathlib import Path
from typing import Any

from decodeat_ops import __version__
from decodeat_ops.core.outcome import Cell
from decodeat_ops.core.view import Details
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.deployment.store import Supervised

MIB = 1024 * 1024
START = ("decodeat-ops start",)


def details(observed: LocalObserved) -> Details:
    """Return the supervisor and the processes of each release, the serving one first."""
    supervisor = observed.supervisor
    active = supervisor.releases.get(observed.active_id)
    told: dict[str, Any] = {
        "supervisor": {
            "alive": supervisor.alive,
            "pid": supervisor.pid,
            "standby": supervisor.standby,
            "version": supervisor.version,
            "stuck": supervisor.stuck,
            "older": supervisor.older,
        }
    }
    mend = START if observed.active is None or not supervisor.alive or supervisor.older else ()
    since = active.since if active else ""
    if not supervisor.alive:
        rows, wrong = _silent(observed)
        return Details(since, rows, told | {"running": sorted(observed.running)}, wrong, mend)
    rows, wrong, releases = _processes(observed)
    return Details(since, rows, told | {"releases": releases}, wrong, mend)


def _silent(observed: LocalObserved) -> tuple[tuple[tuple[str, Cell], ...], tuple[str, ...]]:
    supervisor = observed.supervisor
    state = f"process {supervisor.pid} does not answer" if supervisor.stuck else "not running"
    rows: list[tuple[str, Cell]] = [("supervisor", (state, "bad"))]
    if observed.running:
        rows.append(("runs all the same", ", ".join(sorted(observed.running))))
    if supervisor.stuck:
        return tuple(rows), (f"the supervisor (process {supervisor.pid}) does not answer",)
    return tuple(rows), ("the supervisor is not running",)


def _processes(observed: LocalObserved) -> tuple[tuple[tuple[str, Cell], ...], tuple[str, ...], dict[str, Any]]:
    supervisor, serves = observed.supervisor, observed.active_id
    rows: list[tuple[str, Cell]] = [("supervisor", f"process {supervisor.pid}, standby {supervisor.standby}")]
    if supervisor.version != __version__:
        text = f"supervisor {supervisor.version or 'unknown'}, this tool {__version__}"
        more = "; the next deploy or `decodeat-ops start` replaces it, no request is lost" if supervisor.older else ""
        rows.append(("versions differ", (text + more, "warn")))
    wrong, releases = [], {}
    for name, known in sorted(supervisor.releases.items(), key=lambda item: item[0] != serves):
        workers, memory = _weigh(known.pid) if known.pid else (0, 0)
        releases[name] = {
            "state": known.state, "pid": known.pid, "workers": workers, "memory_bytes": memory,
            "restarts": known.restarts, "last_exit": known.last_exit, "problem": known.problem,
        }  # fmt: skip
        text = _described(known, workers, memory)
        rows.append(("processes", text) if name == serves else ("also", f"{name} {text}"))
        if known.state in {"backing-off", "blocked"}:
            wrong.append(f"release {name} is {known.state} ({known.problem or known.last_exit})")
    return tuple(rows), tuple(wrong), releases


def _described(known: Supervised, workers: int, memory: int) -> str:
    text = f"{known.state}, {workers} workers, {memory / MIB:.0f} MiB"
    if known.restarts:
        text += f", {known.restarts} restarts (last: {known.last_exit})"
    return f"{text}, {known.problem}" if known.problem else text


def _weigh(pid: int) -> tuple[int, int]:
    """Return how many workers a gunicorn master has, and the resident bytes of all these processes together."""
    children: list[str] = []
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    page = os.sysconf("SC_PAGE_SIZE")
    resident = 0
    for each in (str(pid), *children):
        with contextlib.suppress(OSError):
            resident += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * page
    return len(children), resident
