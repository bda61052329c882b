"""Check that secrets on the operator's machine are closed, and that clients reach the service over TLS."""

from collections.abc import Iterator
from pathlib import Path

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.settings import trust
from decodeat_ops.targets.ecs import endpoint
from decodeat_ops.targets.ecs.place import Place

FILES, ADDRESS = "security.files", "security.address"


def files(place: Place, subject: Subject) -> Finding:
    """Check that no other user of this machine may read the secrets, or replace the settings."""
    present = [path for path in dict.fromkeys(_private(place)) if path.exists()]
    open_ones = [f"{path.name} {path.stat().st_mode & 0o777:04o}" for path in present if path.stat().st_mode & 0o077]
    flaws = (trust.flaw(path) for path in (*place.loaded.files, place.layout.root))
    open_ones += [f"{flaw[0]} {flaw[1]}" for flaw in flaws if flaw]
    if open_ones:
        return answer(FILES, Status.FAIL, "security.readable", count=len(open_ones), files=open_ones)
    return answer(FILES, Status.PASS, "security.private", count=len(present))


def _private(place: Place) -> Iterator[Path]:
    loaded = place.loaded
    yield loaded.path(loaded.settings.service.env_file)
    yield from map(loaded.path, loaded.settings.service.references("file").values())
    yield from (place.layout.root, place.layout.records)


def address(place: Place, subject: Subject) -> Finding:
    """Check that the address which clients use is over TLS."""
    url = place.loaded.settings.ecs.address or endpoint.balancer(place)
    if not url:
        return answer(ADDRESS, Status.WARN, "ecs.bare_tasks", public="public" if _public(place) else "private")
    if url.startswith("https://"):
        return answer(ADDRESS, Status.PASS, "ecs.https", address=url)
    return answer(ADDRESS, Status.WARN, "ecs.http", address=url)


def _public(place: Place) -> bool:
    return place.loaded.settings.ecs.public_ip


CHECKS = (Check(FILES, files, gate=True), Check(ADDRESS, address))
