"""Check that secrets on the operator's machine are closed, and that clients reach the service over TLS."""

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.targets.common import private_files
from decodeat_ops.targets.ecs import endpoint
from decodeat_ops.targets.ecs.place import Place

ADDRESS = "security.address"


def files(place: Place, subject: Subject) -> Finding:
    """Check that no other user of this machine may read the secrets, or replace the settings."""
    return private_files.judged(place.loaded, place.layout)


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


CHECKS = (Check(private_files.ID, files, gate=True), Check(ADDRESS, address))
