"""Check whether this machine can run the service: programs, clock, disk, port, Python environment, supervisor."""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import decodeat_ops
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.clock import SLACK
from decodeat_ops.deployment import environments, inputs, ports, space
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.targets.local import boot, code

MIB = 1024 * 1024


def reader(machine: Machine, subject: Subject) -> Finding:
    done = machine.host.run(("tesseract", "--list-langs"), timeout=15)
    if done.status != 0:
        return answer("machine.reader", Status.FAIL, "machine.no_tesseract")
    if "kor" not in done.stdout.split():
        return answer("machine.reader", Status.FAIL, "machine.no_korean")
    return answer("machine.reader", Status.PASS, "machine.reader_ok")


def programs(machine: Machine, subject: Subject) -> Finding:
    """Check for tar and zstd: backups don't use them, but without this tool an archive can be opened only with them."""
    missing = [name for name in ("tar", "zstd") if shutil.which(name) is None]
    if missing:
        return answer("machine.programs", Status.WARN, "machine.programs_missing", names=missing)
    return answer("machine.programs", Status.PASS, "machine.programs_ok")


def clock(machine: Machine, subject: Subject) -> Finding:
    """Check the clock: a release's id is a time and backups are judged by age, so a wrong clock makes both wrong."""
    now = time.time()
    built = Path(decodeat_ops.__file__).stat().st_mtime
    today = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if now < built - SLACK:
        return answer("machine.clock", Status.FAIL, "machine.clock_behind", now=today)
    layout = machine.layout
    kept = [*layout.releases.glob("*/release.json"), *layout.journals.glob("*"), *layout.records.glob("*")]
    ahead = [path.name for path in kept if path.stat().st_mtime > now + SLACK]
    if ahead:
        return answer("machine.clock", Status.FAIL, "machine.clock_jumped", now=today, file=ahead[0], count=len(ahead))
    return answer("machine.clock", Status.PASS, "machine.clock_ok", now=today)


def disk(machine: Machine, subject: Subject) -> Finding:
    """Check free bytes and inodes where the state is. A deploy itself checks, to the byte, what else it needs."""
    place = _existing(machine.layout.root)
    status = os.statvfs(place)
    free = space.free(place) // MIB
    inodes = round(100 * status.f_favail / status.f_files) if status.f_files else 100
    seen = {"free": free, "inodes": inodes}
    if free < space.HEADROOM // MIB or inodes < 1:
        return answer("disk.space", Status.FAIL, "disk.full", **seen)
    if free < 1024 or inodes < 10:
        return answer("disk.space", Status.WARN, "disk.low", **seen)
    return answer("disk.space", Status.PASS, "disk.room", **seen)


def state(machine: Machine, subject: Subject) -> Finding:
    place = _existing(machine.layout.root)
    if not os.access(place, os.W_OK | os.X_OK):
        return answer("machine.state", Status.FAIL, "machine.state_locked", place=place.name or "/")
    return answer("machine.state", Status.PASS, "machine.state_ok", made=machine.layout.root.exists())


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def port(machine: Machine, subject: Subject) -> Finding:
    local = machine.loaded.settings.local
    known = ports.address(local.host, local.port)
    if known in machine.store.supervisor().listening:
        return answer("machine.port", Status.PASS, "machine.port_ours", address=known)
    problem = ports.taken(local.host, local.port)
    if problem:
        return answer("machine.port", Status.FAIL, "machine.port_taken", address=known, problem=problem)
    return answer("machine.port", Status.PASS, "machine.port_free", address=known)


def environment(machine: Machine, subject: Subject) -> Finding:
    """Check the Python environment. The package index is not asked: its answer today says nothing of a later deploy."""
    lock = code.lock(code.package(machine, None))
    if code.python(machine, lock) is not None:
        home = inputs.environment_path(machine.environments, lock)
        damage = environments.damage(machine.host, home)
        if damage:
            return answer("machine.environment", Status.FAIL, "machine.environment_damaged", problem=damage)
        return answer("machine.environment", Status.PASS, "machine.environment_ok", lock=lock[:12])
    return answer("machine.environment", Status.SKIP, "machine.environment_new", lock=lock[:12])


def schedule(machine: Machine, subject: Subject) -> Finding:
    """Check that something can run `backup` every night and `start` after a reboot."""
    found = [name for name in ("systemctl", "crontab") if shutil.which(name)]
    if "systemctl" in found and not Path("/run/systemd/system").is_dir():
        found.remove("systemctl")  # installed, but not what runs this machine
    if not found:
        return answer("machine.schedule", Status.WARN, "machine.no_schedule")
    where = boot.look()
    if where.systemd and machine.store.active_id():
        problem = boot.missing(machine, where)
        if problem:
            return answer("machine.schedule", Status.WARN, "machine.no_boot", problem=problem)
    return answer("machine.schedule", Status.PASS, "machine.schedule_ok", names=found)


def supervisor(machine: Machine, subject: Subject) -> Finding:
    store = machine.store
    running = store.supervisor()
    ours = decodeat_ops.__version__
    if running.stuck:
        return answer("machine.supervisor", Status.FAIL, "machine.supervisor_stuck", pid=running.pid)
    if not running.alive:
        if store.active_id():
            return answer("machine.supervisor", Status.FAIL, "machine.supervisor_gone", release=store.active_id())
        return answer("machine.supervisor", Status.SKIP, "machine.supervisor_none")
    if running.older or running.version != ours:
        return answer(
            "machine.supervisor", Status.WARN, "machine.supervisor_other", running=running.version or "?", ours=ours
        )
    if not running.standby:
        return answer("machine.supervisor", Status.WARN, "machine.supervisor_alone", pid=running.pid)
    return answer("machine.supervisor", Status.PASS, "machine.supervisor_ok", pid=running.pid, version=ours)


CHECKS = (
    Check("machine.reader", reader),
    Check("machine.programs", programs),
    Check("machine.clock", clock),
    Check("disk.space", disk, gate=True),
    Check("machine.state", state),
    Check("machine.port", port),
    Check("machine.environment", environment),
    Check("machine.schedule", schedule),
    Check("machine.supervisor", supervisor),
)
