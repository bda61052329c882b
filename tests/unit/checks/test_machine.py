"""What the doctor finds on a machine that is fit and on one that isn't."""

import json
import os
import shutil
import socket
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

import decodeat_ops
from decodeat_ops.checks.run import run
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.engine.lock import held
from tests.support.ports import free_port
from tests.unit.checks.stage import NEW, Stage


def ask(check: str, subject: Subject) -> Finding:
    (finding,) = run((check,), subject)
    return finding


def test_python(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("machine.python", stage.subject()).status is Status.PASS
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    assert ask("machine.python", stage.subject()).says == "machine.python_old"


def test_secrets(stage: Stage) -> None:
    assert ask("machine.secrets", stage.subject()).says == "machine.secrets_none"
    stage.settings = {"service": {"secrets": {"KEY": "file:key.txt"}}}
    missing = ask("machine.secrets", stage.subject())
    assert (missing.status, missing.says) == (Status.FAIL, "machine.secrets_bad")
    (stage.home / "key.txt").touch(mode=0o600)
    (stage.home / "key.txt").write_text("a-rather-long-value-81\n")
    found = ask("machine.secrets", stage.subject())
    assert (found.status, found.evidence["names"]) == (Status.PASS, ["KEY"])
    assert "a-rather-long" not in json.dumps(found.evidence)


def _program(directory: Path, name: str, text: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{text}\n")
    (directory / name).chmod(0o755)


def test_reader(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("machine.reader", stage.subject()).status is Status.PASS
    _program(stage.home / "bin", "tesseract", "printf 'List of languages\\neng\\nosd\\n'")
    monkeypatch.setenv("PATH", str(stage.home / "bin"))
    assert ask("machine.reader", stage.subject()).says == "machine.no_korean"
    monkeypatch.setenv("PATH", str(stage.home / "nowhere"))
    assert ask("machine.reader", stage.subject()).says == "machine.no_tesseract"


def test_programs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tar", "zstd"):
        _program(stage.home / "bin", name, "exit 0")
    monkeypatch.setenv("PATH", str(stage.home / "bin"))
    assert ask("machine.programs", stage.subject()).status is Status.PASS
    (stage.home / "bin" / "zstd").unlink()
    found = ask("machine.programs", stage.subject())
    assert (found.status, found.evidence["names"]) == (Status.WARN, ["zstd"])


def test_clock(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.release(NEW)
    assert ask("machine.clock", stage.subject()).status is Status.PASS
    ahead = time.time() + 7200
    os.utime(stage.layout.manifest(NEW), (ahead, ahead))
    found = ask("machine.clock", stage.subject())
    assert (found.status, found.evidence["file"]) == (Status.FAIL, "release.json")
    monkeypatch.setattr(time, "time", lambda: 86400.0)
    assert ask("machine.clock", stage.subject()).says == "machine.clock_behind"


Usage = namedtuple("Usage", "total used free")
Statvfs = namedtuple("Statvfs", "f_favail f_files")


@pytest.mark.parametrize(
    ("free_mib", "inodes", "status"),
    [
        (5000, 50, Status.PASS),
        (5000, 5, Status.WARN),
        (200, 50, Status.WARN),
        (100, 50, Status.WARN),
        (20, 50, Status.FAIL),
        (5000, 0, Status.FAIL),
    ],
)
def test_disk(stage: Stage, monkeypatch: pytest.MonkeyPatch, free_mib: int, inodes: int, status: Status) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free_mib * 1024 * 1024))
    monkeypatch.setattr(os, "statvfs", lambda path: Statvfs(inodes, 100))
    found = ask("disk.space", stage.subject())
    assert (found.status, found.evidence) == (status, {"free": free_mib, "inodes": inodes})


def test_disk_as_it_is(stage: Stage) -> None:
    assert ask("disk.space", stage.subject()).evidence["free"] > 0


def test_state(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("machine.state", stage.subject()).status is Status.PASS
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert ask("machine.state", stage.subject()).says == "machine.state_locked"


def test_port(stage: Stage) -> None:
    port = free_port()
    stage.settings = {"local": {"port": port}}
    assert ask("machine.port", stage.subject()).says == "machine.port_free"
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert ask("machine.port", stage.subject()).says == "machine.port_taken"
        status = {"pid": 1, "listening": [f"127.0.0.1:{port}"], "version": decodeat_ops.__version__}
        stage.layout.supervisor_status.write_text(json.dumps(status))
        assert ask("machine.port", stage.subject()).says == "machine.port_taken", "a dead supervisor holds nothing"
        with held(stage.layout.supervisor_lock, "supervise"):
            assert ask("machine.port", stage.subject()).says == "machine.port_ours"


def test_label_port(stage: Stage) -> None:
    assert ask("machine.label_port", stage.subject()).status is Status.SKIP
    port = free_port()
    stage.settings = {"checks": {"label_url": f"http://127.0.0.1:{port}/x.png"}}
    assert ask("machine.label_port", stage.subject()).status is Status.PASS
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert ask("machine.label_port", stage.subject()).status is Status.FAIL


def test_environment(stage: Stage) -> None:
    assert ask("machine.environment", stage.subject()).status is Status.SKIP
    stage.environment(stage.package("source", "a = 1\n"))
    assert ask("machine.environment", stage.subject()).status is Status.PASS


def test_schedule(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(stage.home / "bin", "crontab", "exit 0")
    monkeypatch.setenv("PATH", str(stage.home / "bin"))
    assert ask("machine.schedule", stage.subject()).evidence["names"] == ["crontab"]
    monkeypatch.setenv("PATH", str(stage.home / "nowhere"))
    assert ask("machine.schedule", stage.subject()).status is Status.WARN


def test_supervisor(stage: Stage) -> None:
    assert ask("machine.supervisor", stage.subject()).status is Status.SKIP
    stage.activate(stage.release(NEW))
    gone = ask("machine.supervisor", stage.subject())
    assert (gone.status, gone.evidence["release"]) == (Status.FAIL, NEW)
    with held(stage.layout.supervisor_lock, "supervise"):
        for version, standby, says in (
            (decodeat_ops.__version__, 2, "machine.supervisor_ok"),
            (decodeat_ops.__version__, 0, "machine.supervisor_alone"),
            ("0.0.9", 2, "machine.supervisor_other"),
        ):
            status = {"pid": 1, "standby": standby, "version": version}
            stage.layout.supervisor_status.write_text(json.dumps(status))
            assert ask("machine.supervisor", stage.subject()).says == says
