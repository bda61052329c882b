"""Check a release's reading; a label that is served on the operator's machine is out of the machines' reach."""

from urllib.parse import urlsplit

from decodeat_ops.checks import api, label, machine
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.targets.vm.place import Place

PORT = "machine.label_port"


def _here(place: Place) -> bool:
    """Return whether the machines are this one, as far as their addresses tell."""
    return all(remote.address.startswith("127.") or remote.address == "::1" for remote in place.hosts.values())


def reads(place: Place, subject: Subject) -> Finding:
    """Let the service read the known label, unless that would be served here, where no machine reaches it."""
    url = subject.loaded.settings.checks.label_url
    if url and label.is_ours(url) is not None and not _here(place):
        return answer(api.ID, Status.SKIP, "vm.label_here", host=urlsplit(url).netloc)
    return api.probe(subject)


def label_port(place: Place, subject: Subject) -> Finding:
    """Check the port of the label that is served here, which is only for machines that are this one."""
    if not _here(place):
        return answer(PORT, Status.SKIP, "machine.label_elsewhere")
    return machine.label_port(subject)


CHECKS = (Check(api.ID, reads, gate=True, active=True), Check(PORT, label_port, gate=True))
