"""Check a release's variables and its reading, as far as that can be done from outside of its task."""

import ipaddress
from urllib.parse import urlsplit

from decodeat_ops.checks import api, environment, label, machine
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import source
from decodeat_ops.targets.ecs.place import Place

PORT = "machine.label_port"


def variables(place: Place, subject: Subject) -> Finding:
    """Ask the code about its variables while it lies here; an older release's is in its image, which ran with them."""
    coming, image = subject.coming, place.loaded.settings.ecs.image
    if image or (coming is not None and not _lies_here(place, coming.code)):
        return answer(environment.ID, Status.SKIP, "ecs.in_image", release=coming.id if coming else image)
    return environment.probe(subject)


def _lies_here(place: Place, code: str) -> bool:
    try:
        return source.tree_digest(source.find(place.loaded)) == code
    except Configuration:
        return False  # the tool alone is installed here


def reads(place: Place, subject: Subject) -> Finding:
    """Let the service read the known label, unless that would be served here, where no task reaches it."""
    url = subject.loaded.settings.checks.label_url
    endpoint = subject.endpoint
    if url and endpoint is not None and label.is_ours(url) is not None and not _here(endpoint.host):
        return answer(api.ID, Status.SKIP, "ecs.label_here", host=urlsplit(url).netloc)
    return api.probe(subject)


def label_port(place: Place, subject: Subject) -> Finding:
    """Check the port of the label that is served here, which is only for a service that this machine reaches itself."""
    if not _here(urlsplit(place.loaded.settings.ecs.address).hostname or ""):
        return answer(PORT, Status.SKIP, "machine.label_elsewhere")
    return machine.label_port(subject)


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


CHECKS = (
    Check(environment.ID, variables, gate=True),
    Check(api.ID, reads, gate=True, active=True),
    Check(PORT, label_port, gate=True),
)
