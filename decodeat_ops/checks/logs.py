"""Check that logs are collected: a marked request must appear in the release's own log."""

import os
import secrets
import time
from pathlib import Path

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment import space
from decodeat_ops.deployment.tools import Subject

SINK = "logs.sink"
MARKER = "logs.marker"
PATIENCE = 5.0  # seconds; a line is written when its request ends, so later means that it is lost
ENOUGH = 1024 * 1024  # bytes free; with less, log lines are lost whatever the release does


def sink(subject: Subject) -> Finding:
    return answer(SINK, Status.SKIP, "logs.no_sink", target=subject.tools.loaded.settings.target)


def marker(subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(MARKER)
    log = subject.tools.layout.log(subject.release.id)
    sign = f"check-{secrets.token_hex(8)}"
    tail = Tail(log)
    began = time.monotonic()
    subject.tools.http.request(subject.endpoint, "GET", "/health", headers={"X-Request-Id": sign})
    while not tail.shows(sign):
        if time.monotonic() - began > PATIENCE:
            return _lost(log, sign)
        time.sleep(0.02)
    latency = int((time.monotonic() - began) * 1000)
    return answer(MARKER, Status.PASS, "logs.arrived", marker=sign, log=log.name, latency_ms=latency)


def _lost(log: Path, sign: str) -> Finding:
    """Return WARN when the disk is full, else FAIL.

    A full disk is no fault of the release: a gate that failed here would prevent a rollback.
    """
    free = space.free(log.parent)
    if free < ENOUGH:
        return answer(MARKER, Status.WARN, "logs.no_room", marker=sign, log=log.name, kib=free // 1024)
    return answer(MARKER, Status.FAIL, "logs.lost", marker=sign, log=log.name, seconds=int(PATIENCE))


class Tail:
    """Read what is written to a log from now on, also through a rotation."""

    def __init__(self, path: Path) -> None:
        self._paths = (path, path.with_name(f"{path.name}.1"))
        status = [p.stat() for p in self._paths if p.exists()]
        self._starts = {one.st_ino: one.st_size for one in status}

    def shows(self, text: str) -> bool:
        return any(text in self._since(path) for path in self._paths)

    def _since(self, path: Path) -> str:
        try:
            with path.open("rb") as stream:
                stream.seek(self._starts.get(os.fstat(stream.fileno()).st_ino, 0))
                return stream.read().decode(errors="replace")
        except FileNotFoundError:
            return ""


CHECKS = (Check(SINK, sink), Check(MARKER, marker, gate=True, active=True))
