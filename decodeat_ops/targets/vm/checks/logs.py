"""Check that the service writes its log: a marked request must appear in the log of a container."""

import secrets

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.vm import observing
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import logs
from decodeat_ops.targets.vm.side import each

MARKER = "logs.marker"
PATIENCE = 10.0  # seconds; a line is written when its request ends, so later means that it is lost
PAUSE = 0.2
BACK = 60  # seconds of the log that are searched


def marker(place: Place, subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(MARKER)
    sign, clock = f"check-{secrets.token_hex(8)}", place.clock
    began = clock.now()
    subject.view.http.request(subject.endpoint, "GET", "/health", headers={"X-Request-Id": sign})
    containers = {one.host: place.names.container(one.active) for one in observing.seen_lately(place) if one.active}

    def shows(remote: Remote) -> bool:
        try:
            return remote.run(logs.holds(containers[remote.name], sign, BACK)).status == 0
        except Unreachable:
            return False

    remotes = [place.hosts[host] for host in containers]
    while True:  # a name that clients use may lead to any of the machines
        found = [host for host, shown in each(remotes, shows).items() if shown]
        if found:
            latency = int((clock.now() - began) * 1000)
            return answer(MARKER, Status.PASS, "vm.log_arrived", marker=sign, host=found[0], latency_ms=latency)
        if clock.now() - began > PATIENCE:
            return answer(MARKER, Status.FAIL, "vm.log_lost", marker=sign, seconds=int(PATIENCE))
        clock.sleep(PAUSE)


CHECKS = (Check(MARKER, marker, gate=True, active=True),)
