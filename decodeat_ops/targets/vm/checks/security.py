"""Check how containers run: as whom, with which rights, what they publish, and who has which secret."""

from collections.abc import Iterator, Mapping
from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.common import private_files
from decodeat_ops.targets.vm.checks import looking
from decodeat_ops.targets.vm.names import COLOURS
from decodeat_ops.targets.vm.observed import Container, Seen
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import reading, sections
from decodeat_ops.targets.vm.side import each

USER, ADDRESS, PUBLISHED, SECRETS = "security.user", "security.address", "vm.published", "vm.secrets"
SHORT = 6  # characters; a shorter secret is found in any command
BESIDE = {"postgres": frozenset({"POSTGRES_PASSWORD"})}  # secrets that parts beside the service have themselves


def files(place: Place, subject: Subject) -> Finding:
    """Check that no other user of this machine may read the secrets, or replace the settings."""
    return private_files.judged(place.loaded, place.layout)


def address(place: Place, subject: Subject) -> Finding:
    """Check that clients can know whom they speak to."""
    vm = place.loaded.settings.vm
    name = vm.domains[0] if vm.domains else next(iter(place.hosts), "")
    if vm.certificate == "self-signed":
        return answer(ADDRESS, Status.WARN, "vm.self_signed", name=name)
    return answer(ADDRESS, Status.PASS, "vm.https", name=name, by=vm.certificate)


def _running(hosts: tuple[Seen, ...]) -> Iterator[tuple[Seen, str, Container]]:
    for one in hosts:
        for part, container in one.containers.items():
            if container.up:
                yield one, part, container


def user(place: Place, subject: Subject) -> Finding:
    """Check that no container runs as root, can write its own files, or has more rights than it needs."""
    flaws, count = [], 0
    for one, part, container in _running(looking.there(place)):
        count += 1
        flaws += [f"{part} on {one.host} {flaw}" for flaw in _flaws(container.raw)]
    if flaws:
        return answer(USER, Status.FAIL, "vm.loose", flaws=flaws, count=len(flaws), first=flaws[0])
    if not count:
        return answer(USER, Status.SKIP, "vm.nothing_runs")
    return answer(USER, Status.PASS, "vm.hardened", count=count)


def _flaws(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is loose in a container, by Docker's own description of it."""
    host = raw.get("HostConfig") or {}
    if str(raw.get("User") or "").partition(":")[0] in {"", "0", "root"}:
        yield "runs as root"
    if not host.get("ReadonlyRootfs"):
        yield "can write its root file system"
    if host.get("Privileged"):
        yield "is privileged"
    if "ALL" not in [str(one).upper().removeprefix("CAP_") for one in host.get("CapDrop") or ()]:
        yield "keeps capabilities"
    if not any(str(one).startswith("no-new-privileges") for one in host.get("SecurityOpt") or ()):
        yield "may gain privileges"
    if not host.get("Memory") or not host.get("PidsLimit") or int(host.get("PidsLimit") or 0) < 0:
        yield "has no limit of memory or processes"
    if host.get("NetworkMode") == "host":
        yield "shares the machine's network"


def published(place: Place, subject: Subject) -> Finding:
    """Check that nginx alone publishes ports: what another container publishes passes by it and by the firewall."""
    hosts = looking.there(place)
    bad = [
        f"{part} on {one.host} {', '.join(sorted(bindings))}"
        for one, part, container in _running(hosts)
        if part != "nginx" and (bindings := (container.raw.get("HostConfig") or {}).get("PortBindings") or {})
    ]
    if bad:
        return answer(PUBLISHED, Status.FAIL, "vm.published_more", published=bad)
    return answer(PUBLISHED, Status.PASS, "vm.published_nginx", hosts=[one.host for one in hosts])


def secrets(place: Place, subject: Subject) -> Finding:
    """Check that secrets are in the service's containers alone, and in no command line."""
    wanted = frozenset(place.loaded.settings.service.secrets)
    values = [one.reveal() for one in subject.secrets.values() if len(one.reveal()) >= SHORT]
    hosts, wrong = looking.there(place), []
    names = _variables(place, hosts)
    for one, part, container in _running(hosts):
        if any(value in " ".join(map(str, container.raw.get("Cmd") or ())) for value in values):
            wrong.append(f"{part} on {one.host}: its command line")
        if part not in COLOURS:
            held = (names.get(one.host, {}).get(container.name, frozenset()) & wanted) - BESIDE.get(part, frozenset())
            wrong += [f"{part} on {one.host}: {name}" for name in sorted(held)]
    if wrong:
        return answer(SECRETS, Status.FAIL, "vm.secrets_elsewhere", wrong=wrong)
    return answer(SECRETS, Status.PASS, "vm.secrets_apart", count=len(wanted))


def _variables(place: Place, hosts: tuple[Seen, ...]) -> dict[str, dict[str, frozenset[str]]]:
    """Return the names of variables by machine and container."""
    there = {one.host: [container.name for container in one.containers.values()] for one in hosts}

    def ask(remote: Remote) -> dict[str, frozenset[str]]:
        try:
            told = sections.parse(remote.run(reading.environment(there[remote.name])).stdout)
        except Unreachable:
            return {}
        return {one.word: frozenset(filter(None, one.lines)) for one in told.named("environment")}

    return each([place.hosts[host] for host in there], ask)


CHECKS = (
    Check(private_files.ID, files, gate=True),
    Check(ADDRESS, address),
    Check(USER, user),
    Check(PUBLISHED, published),
    Check(SECRETS, secrets),
)
