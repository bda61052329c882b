"""Check the certificate that each machine really serves: how long it is valid, for which names, and that it is ours."""

from datetime import UTC, datetime

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.certificate import ID
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core import certificate
from decodeat_ops.core.certificate import Certificate
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm.checks import looking
from decodeat_ops.targets.vm.details import LATE_DAYS, SOON_DAYS, read
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.side import each


def probe(place: Place, subject: Subject) -> Finding:
    """Check what each machine shows in a handshake, as it would to a client."""
    vm = place.loaded.settings.vm
    hosts = [one for one in looking.there(place) if (edge := one.containers.get("nginx")) and edge.up]
    if not hosts:
        return answer(ID, Status.SKIP, "vm.certificate_none")
    served = each([place.hosts[one.host] for one in hosts], lambda remote: _served(place, remote.name, remote.address))
    lost = {host: one for host, one in served.items() if isinstance(one, str)}
    if lost:
        host = next(iter(lost))
        return answer(ID, Status.FAIL, "vm.certificate_unseen", host=host, why=lost[host])
    found = {host: one for host, one in served.items() if isinstance(one, Certificate)}
    host = min(found, key=lambda name: found[name].ends)
    worst, days = found[host], found[host].days_left()
    seen = {
        "host": host, "days": int(days), "names": list(worst.names), "issuer": worst.issuer,
        "serial": worst.serial, "ends": worst.ends.isoformat(),
    }  # fmt: skip
    missing = [name for name in vm.domains if not all(certificate.covers(one, name) for one in found.values())]
    old = [
        one.host for one in hosts
        if (given := read(one.certificate)) and given.fingerprint != found[one.host].fingerprint
    ]  # fmt: skip
    if days < LATE_DAYS or worst.begins > datetime.now(UTC):
        return answer(ID, Status.FAIL, "vm.certificate_ends", **seen)
    if missing:
        return answer(ID, Status.FAIL, "vm.certificate_names", missing=missing, **seen)
    if old:
        return answer(ID, Status.FAIL, "vm.certificate_stale", hosts=old, **seen)
    if days < SOON_DAYS:
        return answer(ID, Status.WARN, "vm.certificate_soon", **seen)
    if worst.self_signed:
        return answer(ID, Status.WARN, "vm.certificate_own", **seen)
    return answer(ID, Status.PASS, "vm.certificate_ok", **seen)


def _served(place: Place, host: str, address: str) -> Certificate | str:
    """Return what a machine shows, or why it shows nothing."""
    vm = place.loaded.settings.vm
    try:
        return certificate.of_der(
            place.tls.certificate(address, vm.https_port, vm.domains[0] if vm.domains else address)
        )
    except Unreachable as error:
        return error.advice.what.rstrip(".")
    except ValueError as error:
        return str(error)


CHECKS = (Check(ID, probe),)
