"""Check the machines themselves: whether they answer, what they lack, their clocks, disks and ports."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.vm import verifying
from decodeat_ops.targets.vm.checks import looking
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import reading, sections
from decodeat_ops.targets.vm.scripts.sections import Sections
from decodeat_ops.targets.vm.side import each

REACHED, DOCKER, STORE, CLOCK = "vm.reached", "vm.docker", "vm.store", "vm.clock"
DISK, PORTS, RECORDS = "disk.space", "vm.ports", "vm.records"
OLDEST_ENGINE, OLDEST_COMPOSE = verifying.ENGINE, verifying.COMPOSE
WRONG_SECONDS, TOLD_SECONDS = 30.0, 3.0  # beyond what the round trip leaves open
MIB = 1024 * 1024
FULL, LOW = 512 * MIB, 3 * 1024 * MIB  # bytes; a release's image beside the one that serves takes some hundred MiB
LISTENS = "0A"  # the state of a listening socket in /proc/net/tcp
_SOCKET = re.compile(r"^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) ")


def reached(place: Place, subject: Subject) -> Finding:
    """Check that every machine answers, that scripts run there as root, and whose directory it is."""
    hosts = looking.all_of(place)
    bad = [one for one in hosts if one.problem]
    if bad:
        problems = [f"{one.host}: {one.problem}" + (f". {one.hint}" if one.hint else "") for one in bad]
        return answer(REACHED, Status.FAIL, "vm.unreached", hosts=[one.host for one in bad], problems=problems)
    bare = [one.host for one in hosts if not one.there]
    if bare:
        return answer(REACHED, Status.WARN, "vm.bare", hosts=bare, directory=str(place.names.root))
    return answer(REACHED, Status.PASS, "vm.all_answer", count=len(hosts), hosts=[one.host for one in hosts])


def docker(place: Place, subject: Subject) -> Finding:
    """Check that each machine has an engine and a Compose that are new enough."""
    hosts = looking.there(place)
    problems = [problem for one in hosts for problem in lacks(one)]
    if problems:
        return answer(DOCKER, Status.FAIL, "vm.docker_lacks", problems=problems, count=len(problems))
    engines, composes = ({one.engine for one in hosts}, {one.compose for one in hosts})
    return answer(DOCKER, Status.PASS, "vm.docker_ok", engines=sorted(engines), composes=sorted(composes))


def lacks(one: Seen) -> Iterator[str]:
    """Yield what a machine lacks for a deploy, a sentence each without its end."""
    if one.engine_problem:
        yield f"{one.host}: {one.engine_problem}"
        return
    if _number(one.engine) < OLDEST_ENGINE:
        yield f"{one.host}: Docker {one.engine} is older than {_shown(OLDEST_ENGINE)}"
    if not one.compose:
        yield f"{one.host}: there is no Compose v2"
    elif _number(one.compose) < OLDEST_COMPOSE:
        yield f"{one.host}: Compose {one.compose} is older than {_shown(OLDEST_COMPOSE)}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _ground(place: Place) -> dict[str, Sections]:
    """Return what each machine that answers says of itself."""

    def ask(remote: Remote) -> Sections:
        try:
            return sections.parse(remote.run(reading.ground()).stdout)
        except Unreachable:
            return Sections(())

    return each([place.hosts[one.host] for one in looking.there(place)], ask)


def store(place: Place, subject: Subject) -> Finding:
    """Check how engines keep images: containerd's store can't take the missing layers of an image alone."""
    kept: dict[str, str] = {}
    for host, found in _ground(place).items():
        info = found.one("info")
        told = _object(info.text if info and not info.failed else "")
        if told:
            kept[host] = _store(told)
    other = sorted(host for host, name in kept.items() if name.startswith("containerd"))
    drivers = sorted(set(kept.values()))
    if not kept:
        return answer(STORE, Status.SKIP, "vm.store_unknown")
    if other and not place.loaded.settings.image.repository:
        return answer(STORE, Status.WARN, "vm.store_whole", hosts=other, drivers=drivers)
    return answer(STORE, Status.PASS, "vm.store_ok", drivers=drivers)


def _object(text: str) -> dict[str, Any]:
    line = next((line for line in text.splitlines() if line.startswith("{")), "")
    try:
        told = json.loads(line or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _store(told: dict[str, Any]) -> str:
    status = {str(name): str(value) for name, value in told.get("DriverStatus") or ()}
    driver = str(told.get("Driver", ""))
    return f"containerd, {driver}" if status.get("driver-type", "").startswith("io.containerd.") else driver


def clock(place: Place, subject: Subject) -> Finding:
    """Check each machine's clock against this one's; a round trip leaves half of it open."""

    def ask(remote: Remote) -> tuple[float, float] | None:
        before = time.time()
        try:
            text = remote.run(reading.clock()).stdout
            after = time.time()
            return float(text.split()[-1]) - (before + after) / 2, (after - before) / 2
        except (Unreachable, ValueError, IndexError):
            return None

    found = each([place.hosts[one.host] for one in looking.there(place)], ask)
    off = {host: max(0.0, abs(told[0]) - told[1]) for host, told in found.items() if told is not None}
    if not off:
        return answer(CLOCK, Status.SKIP, "vm.clock_unknown")
    worst = max(off, key=lambda host: off[host])
    seen = {"host": worst, "seconds": round(off[worst], 1), "hosts": {host: round(one, 2) for host, one in off.items()}}
    if off[worst] > WRONG_SECONDS:
        return answer(CLOCK, Status.FAIL, "vm.clock_wrong", **seen)
    if off[worst] > TOLD_SECONDS:
        return answer(CLOCK, Status.WARN, "vm.clock_off", **seen)
    return answer(CLOCK, Status.PASS, "vm.clock_ok", **seen)


def disk(place: Place, subject: Subject) -> Finding:
    """Check free bytes and inodes where each machine has the deployment."""
    hosts = looking.there(place)
    unknown = [one.host for one in hosts if one.free_bytes < 0]
    tight = min((one for one in hosts if one.free_bytes >= 0), key=lambda one: one.free_bytes, default=None)
    if tight is None:
        return answer(DISK, Status.WARN, "vm.disk_unknown", hosts=unknown)
    fullest = max(one.inodes for one in hosts)
    seen = {"host": tight.host, "free": tight.free_bytes // MIB, "inodes": 100 - fullest}
    if tight.free_bytes < FULL or fullest >= 99:
        return answer(DISK, Status.FAIL, "vm.disk_full", **seen)
    if unknown:
        return answer(DISK, Status.WARN, "vm.disk_unknown", hosts=unknown)
    if tight.free_bytes < LOW or fullest >= 90:
        return answer(DISK, Status.WARN, "vm.disk_low", **seen)
    return answer(DISK, Status.PASS, "vm.disk_room", **seen)


def ports(place: Place, subject: Subject) -> Finding:
    """Check that nobody but our nginx has the ports that clients use."""
    vm, ours = place.loaded.settings.vm, place.names.container("nginx")
    wanted = (vm.http_port, vm.https_port)
    grounds = _ground(place)
    taken = []
    for one in looking.there(place):
        edge = one.containers.get("nginx")
        listens = _listening(grounds[one.host]) if edge is None or not edge.up else frozenset[int]()
        for port in wanted:
            by = one.ports.get(port, "")
            if by not in ("", ours):
                taken.append(f"{one.host}: {port} by the container {by}")
            elif not by and port in listens:
                taken.append(f"{one.host}: {port} by a program of the machine")
    if taken:
        return answer(PORTS, Status.FAIL, "vm.ports_taken", taken=taken)
    return answer(PORTS, Status.PASS, "vm.ports_free", ports=list(wanted))


def _listening(found: Sections) -> frozenset[int]:
    told = found.one("sockets")
    rows = (_SOCKET.match(line) for line in (told.lines if told else ()))
    return frozenset(int(row[1], 16) for row in rows if row and row[2] == LISTENS)


def records(place: Place, subject: Subject) -> Finding:
    """Check that what is recorded of releases on each machine can be read, and is the same on all."""
    hosts = looking.there(place)
    damaged = [f"{one.host}: {path} ({why})" for one in hosts for path, why in one.damaged.items()]
    if damaged:
        return answer(RECORDS, Status.WARN, "vm.records_damaged", files=damaged, count=len(damaged))
    count = len({release.id for one in hosts for release in one.releases})
    return answer(RECORDS, Status.PASS, "vm.records_whole", count=count)


CHECKS = (
    Check(REACHED, reached),
    Check(DOCKER, docker),
    Check(STORE, store),
    Check(CLOCK, clock),
    Check(DISK, disk, gate=True),
    Check(PORTS, ports),
    Check(RECORDS, records),
)
