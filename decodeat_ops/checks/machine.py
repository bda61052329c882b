"""Check whether this machine can run the service: the doctor's checks, each with what to do about a fault."""

import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import decodeat_ops
from decodeat_ops.checks import label
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.code import candidate, python_of
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.clock import SLACK
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import environments, inputs, ports, space
from decodeat_ops.deployment.tools import Subject
from decodeat_ops.settings.secrets import resolve
from decodeat_ops.targets.local import boot

OLDEST_PYTHON = (3, 11)
MIB = 1024 * 1024


def python(subject: Subject) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    oldest = ".".join(str(part) for part in OLDEST_PYTHON)
    if sys.version_info[:2] < OLDEST_PYTHON:
        return answer("machine.python", Status.FAIL, "machine.python_old", version=version, oldest=oldest)
    return answer("machine.python", Status.PASS, "machine.python_ok", version=version)


def settings(subject: Subject) -> Finding:
    files = [path.name for path in subject.tools.loaded.files]
    if not files:
        return answer("machine.settings", Status.FAIL, "machine.no_settings")
    return answer("machine.settings", Status.PASS, "machine.settings_ok", files=files, env=subject.tools.loaded.env)


def secrets(subject: Subject) -> Finding:
    """Check that every reference leads to a usable value; the finding holds the variables' names, never a value."""
    names = sorted(subject.tools.loaded.settings.service.secrets)
    if not names:
        return answer("machine.secrets", Status.PASS, "machine.secrets_none")
    try:
        resolve(subject.tools.loaded)
    except Configuration as error:
        return answer(
            "machine.secrets", Status.FAIL, "machine.secrets_bad", problem=error.advice.what, advice=error.advice.hint
        )
    return answer("machine.secrets", Status.PASS, "machine.secrets_ok", names=names, count=len(names))


def reader(subject: Subject) -> Finding:
    done = subject.tools.host.run(("tesseract", "--list-langs"), timeout=15)
    if done.status != 0:
        return answer("machine.reader", Status.FAIL, "machine.no_tesseract")
    if "kor" not in done.stdout.split():
        return answer("machine.reader", Status.FAIL, "machine.no_korean")
    return answer("machine.reader", Status.PASS, "machine.reader_ok")


def programs(subject: Subject) -> Finding:
    """Check for tar and zstd: backups don't use them, but without this tool an archive can be opened only with them."""
    missing = [name for name in ("tar", "zstd") if shutil.which(name) is None]
    if missing:
        return answer("machine.programs", Status.WARN, "machine.programs_missing", names=missing)
    return answer("machine.programs", Status.PASS, "machine.programs_ok")


def clock(subject: Subject) -> Finding:
    """Check the clock: a release's id is a time and backups are judged by age, so a wrong clock makes both wrong."""
    now = time.time()
    built = Path(decodeat_ops.__file__).stat().st_mtime
    today = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if now < built - SLACK:
        return answer("machine.clock", Status.FAIL, "machine.clock_behind", now=today)
    layout = subject.tools.layout
    kept = [*layout.releases.glob("*/release.json"), *layout.journals.glob("*"), *layout.records.glob("*")]
    ahead = [path.name for path in kept if path.stat().st_mtime > now + SLACK]
    if ahead:
        return answer("machine.clock", Status.FAIL, "machine.clock_jumped", now=today, file=ahead[0], count=len(ahead))
    return answer("machine.clock", Status.PASS, "machine.clock_ok", now=today)


def disk(subject: Subject) -> Finding:
    """Check free bytes and inodes where the state is. A deploy itself checks, to the byte, what else it needs."""
    place = _existing(subject.tools.layout.root)
    status = os.statvfs(place)
    free = space.free(place) // MIB
    inodes = round(100 * status.f_favail / status.f_files) if status.f_files else 100
    seen = {"free": free, "inodes": inodes}
    if free < space.HEADROOM // MIB or inodes < 1:
        return answer("disk.space", Status.FAIL, "disk.full", **seen)
    if free < 1024 or inodes < 10:
        return answer("disk.space", Status.WARN, "disk.low", **seen)
    return answer("disk.space", Status.PASS, "disk.room", **seen)


def state(subject: Subject) -> Finding:
    place = _existing(subject.tools.layout.root)
    if not os.access(place, os.W_OK | os.X_OK):
        return answer("machine.state", Status.FAIL, "machine.state_locked", place=place.name or "/")
    return answer("machine.state", Status.PASS, "machine.state_ok", made=subject.tools.layout.root.exists())


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def port(subject: Subject) -> Finding:
    local = subject.tools.loaded.settings.local
    known = ports.address(local.host, local.port)
    if known in subject.tools.store.supervisor().listening:
        return answer("machine.port", Status.PASS, "machine.port_ours", address=known)
    problem = ports.taken(local.host, local.port)
    if problem:
        return answer("machine.port", Status.FAIL, "machine.port_taken", address=known, problem=problem)
    return answer("machine.port", Status.PASS, "machine.port_free", address=known)


def label_port(subject: Subject) -> Finding:
    url = subject.tools.loaded.settings.checks.label_url
    ours = label.is_ours(url) if url else None
    if ours is None or ours.port is None:
        return answer("machine.label_port", Status.SKIP, "machine.label_elsewhere")
    try:
        label.listen(ours.port).server_close()
    except label.PortTaken as error:
        problem = error.advice.what
        return answer("machine.label_port", Status.FAIL, "machine.label_port_taken", port=ours.port, problem=problem)
    return answer("machine.label_port", Status.PASS, "machine.label_port_free", port=ours.port)


def environment(subject: Subject) -> Finding:
    """Check the Python environment. The package index is not asked: its answer today says nothing of a later deploy."""
    lock = candidate(subject).lock
    if python_of(subject, lock) is not None:
        home = inputs.environment_path(subject.tools.environments, lock)
        damage = environments.damage(subject.tools.host, home)
        if damage:
            return answer("machine.environment", Status.FAIL, "machine.environment_damaged", problem=damage)
        return answer("machine.environment", Status.PASS, "machine.environment_ok", lock=lock[:12])
    return answer("machine.environment", Status.SKIP, "machine.environment_new", lock=lock[:12])


def schedule(subject: Subject) -> Finding:
    """Check that something can run `backup` every night and `start` after a reboot."""
    found = [name for name in ("systemctl", "crontab") if shutil.which(name)]
    if "systemctl" in found and not Path("/run/systemd/system").is_dir():
        found.remove("systemctl")  # installed, but not what runs this machine
    if not found:
        return answer("machine.schedule", Status.WARN, "machine.no_schedule")
    where = boot.look()
    if where.systemd and subject.tools.store.active_id():
        problem = boot.missing(subject.tools, where)
        if problem:
            return answer("machine.schedule", Status.WARN, "machine.no_boot", problem=problem)
    return answer("machine.schedule", Status.PASS, "machine.schedule_ok", names=found)


def supervisor(subject: Subject) -> Finding:
    store = subject.tools.store
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
    Check("machine.python", python),
    Check("machine.settings", settings),
    Check("machine.secrets", secrets),
    Check("machine.reader", reader),
    Check("machine.programs", programs),
    Check("machine.clock", clock),
    Check("disk.space", disk, gate=True),
    Check("machine.state", state),
    Check("machine.port", port),
    Check("machine.label_port", label_port, gate=True),
    Check("machine.environment", environment),
    Check("machine.schedule", schedule),
    Check("machine.supervisor", supervisor),
)

# Without settings there is no deployment that these could check.
NEED_SETTINGS = frozenset(
    {
        "machine.secrets",
        "environment.valid",
        "machine.port",
        "machine.label_port",
        "machine.environment",
        "machine.model",
        "machine.supervisor",
        "machine.state",
    }
)
