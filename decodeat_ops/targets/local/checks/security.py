"""Check that this machine keeps the deployment safe: readable files, an open address, the user it runs as."""

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.settings import trust

FILES = "security.files"
ADDRESS = "security.address"
USER = "security.user"


def files(machine: Machine, subject: Subject) -> Finding:
    """Check that no other user may read secrets or data, reach the private sockets, or replace our files."""
    present = [path for path in dict.fromkeys(_private(machine)) if path.exists()]
    open_ones = [f"{path.name} {path.stat().st_mode & 0o777:04o}" for path in present if path.stat().st_mode & 0o077]
    open_ones += [f"{place} {why}" for place, why in dict.fromkeys(_strange(machine))]
    if open_ones:
        return answer(FILES, Status.FAIL, "security.readable", count=len(open_ones), files=open_ones)
    return answer(FILES, Status.PASS, "security.private", count=len(present))


def _private(machine: Machine) -> Iterator[Path]:
    service = machine.loaded.settings.service
    yield machine.loaded.path(service.env_file)
    yield from map(machine.loaded.path, service.references("file").values())
    layout = machine.layout
    # All else is below the state directory, which only its owner may enter; these are checked in case that changed.
    yield from (layout.root, layout.run, layout.data, layout.records)
    yield from layout.releases.glob("*/secrets.env")
    yield from layout.data.glob("*/*.sqlite3*")
    yield from machine.archives.glob("*.tar.zst*")


def _strange(machine: Machine) -> Iterator[tuple[Path, str]]:
    """Yield the places where another user could replace our files, directories above them included."""
    for path in (*machine.loaded.files, machine.layout.root, machine.environments, machine.archives):
        if untrusted := trust.flaw(path):
            yield untrusted[0], untrusted[1]


def address(machine: Machine, subject: Subject) -> Finding:
    host = machine.loaded.settings.local.host
    if _loopback(host):
        return answer(ADDRESS, Status.PASS, "security.loopback", host=host)
    return answer(ADDRESS, Status.WARN, "security.reachable", host=host)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def user(machine: Machine, subject: Subject) -> Finding:
    uid = os.geteuid()
    if uid == 0:
        return answer(USER, Status.WARN, "security.root", uid=uid)
    return answer(USER, Status.PASS, "security.not_root", uid=uid)


CHECKS = (
    Check(FILES, files, gate=True),
    Check(ADDRESS, address),
    Check(USER, user),
)
