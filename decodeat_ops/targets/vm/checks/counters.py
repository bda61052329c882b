"""Check that the service's counters move; nginx shows them to no client, so they are read on a private socket."""

from dataclasses import replace

from decodeat_ops.checks import monitoring
from decodeat_ops.checks.answer import nothing_serves
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding
from decodeat_ops.targets.vm.place import Place


def counters(place: Place, subject: Subject) -> Finding:
    """Count requests to the colour of one machine, which has all of its workers' counters."""
    if subject.release is None:
        return nothing_serves(monitoring.COUNTERS)
    private = subject.view.endpoint(subject.release, "private")
    return monitoring.counters(replace(subject, endpoint=private))


CHECKS = (Check(monitoring.COUNTERS, counters, active=True),)
