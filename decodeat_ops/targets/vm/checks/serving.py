"""Check what serves: the same release on every machine, behind an edge that is whole."""

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.vm import asking
from decodeat_ops.targets.vm.checks import looking
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.side import each

SAME, EDGE, ANSWERS = "vm.same", "vm.edge", "vm.answers"


def same(place: Place, subject: Subject) -> Finding:
    """Check that each machine serves the release in question, by a container that runs and was not restarted."""
    if subject.release is None:
        return nothing_serves(SAME)
    hosts, wanted = looking.all_of(place), subject.release.id
    silent = [one for one in hosts if one.silent]
    if silent:
        return answer(SAME, Status.FAIL, "vm.same_unknown", hosts=[one.host for one in silent])
    apart = [f"{one.host} {one.active_id or '-'}" for one in hosts if one.active_id != wanted]
    if apart:
        return answer(SAME, Status.FAIL, "vm.mixed", release=wanted, apart=apart)
    sick, restarted = [], []
    for one in hosts:
        container = one.containers.get(one.active or "")
        if container is None or container.state != "running" or container.health == "unhealthy":
            sick.append(f"{one.host} {(container.health or container.state) if container else 'no container'}")
        elif container.restarts:
            restarted.append(f"{one.host} {container.restarts}")
    if sick:
        return answer(SAME, Status.FAIL, "vm.sick", sick=sick)
    if restarted:
        return answer(SAME, Status.WARN, "vm.restarted", restarted=restarted)
    return answer(SAME, Status.PASS, "vm.same_release", release=wanted, count=len(hosts))


def edge(place: Place, subject: Subject) -> Finding:
    """Check that nginx and what runs beside it are healthy, with the same files on every machine."""
    vm = place.loaded.settings.vm
    wanted = ("nginx", *(("redis",) if vm.redis else ()), *(("postgres",) if vm.postgres else ()))
    hosts, sick = looking.there(place), []
    for one in hosts:
        for part in wanted:
            container = one.containers.get(part)
            if container is None or container.state != "running" or container.health == "unhealthy":
                state = (container.health or container.state) if container else "missing"
                sick.append(f"{part} on {one.host} {state}")
    if sick:
        return answer(EDGE, Status.FAIL, "vm.edge_sick", sick=sick)
    if any(one.maintenance for one in hosts):
        closed = [one.host for one in hosts if one.maintenance]
        return answer(EDGE, Status.FAIL, "vm.maintenance", hosts=closed)
    generations = {one.edge for one in hosts}
    if len(generations) > 1:
        return answer(EDGE, Status.WARN, "vm.edge_mixed", generations=sorted(generations))
    return answer(EDGE, Status.PASS, "vm.edge_whole", parts=list(wanted), count=len(hosts))


def answers(place: Place, subject: Subject) -> Finding:
    """Ask each machine by the address that clients use, whichever of them the name leads to now."""
    if subject.release is None:
        return nothing_serves(ANSWERS)
    wanted, seen = subject.release.id, {one.host: one for one in looking.there(place)}

    def ask(remote: Remote) -> str:
        endpoint = asking.public(place, remote.name, seen[remote.name].certificate)
        try:
            told = subject.view.http.request(endpoint, "GET", "/health")
        except Unreachable as error:
            return error.advice.what.rstrip(".")
        release = told.headers.get("x-release-id", "")
        return "" if told.status == 200 and release == wanted else f"{told.status} from {release or 'unknown'}"

    found = each([place.hosts[host] for host in seen], ask)
    wrong = [f"{host}: {why}" for host, why in found.items() if why]
    if wrong:
        return answer(ANSWERS, Status.FAIL, "vm.answers_not", hosts=[one.partition(":")[0] for one in wrong], why=wrong)
    return answer(ANSWERS, Status.PASS, "vm.answers_all", release=wanted, count=len(found))


CHECKS = (Check(SAME, same, gate=True), Check(EDGE, edge, gate=True), Check(ANSWERS, answers, gate=True))
