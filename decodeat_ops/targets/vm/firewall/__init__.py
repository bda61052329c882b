"""Have machines let in SSH for administrators and two ports for clients, and nothing else, containers included.

ufw keeps the rules. Those for published ports, which Docker sends past ufw, are in ufw's own after.rules: so they are
in force at a boot before Docker is, need no systemd, and come back with every `ufw reload`; there is one place to look.
"""

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.firewall import Wall
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.vm.firewall import applying, judging, looking
from decodeat_ops.targets.vm.firewall.looking import Look
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.side import each

ACTIONS: Acts = applying.ACTIONS
VERB = "firewall"


def looks(place: Place) -> tuple[Look, ...]:
    """Return every machine's firewall. Raises `Unreachable` when one can't be looked at."""
    if not place.hosts:
        raise Configuration("There is no machine to look at.", hint="Name them: vm.hosts.", where="vm.hosts")

    def one(host: Remote) -> Look:
        return looking.read(host.name, host.run(looking.SCRIPT).stdout)

    return tuple(each(place.hosts.values(), one).values())


def walls(place: Place) -> tuple[Wall, ...]:
    """Return what there is to say of every machine's firewall."""
    return tuple(judging.wall(look, place.loaded.settings.vm) for look in looks(place))


def plan(place: Place, mark: str, seconds: int, serves_now: str = "") -> Plan | None:
    """Return the plan to what is wanted, None when it is that. `seconds` is how long a confirmation may take.

    Raises `Configuration` with all that is wrong on any machine.
    """
    vm = place.loaded.settings.vm
    found = looks(place)
    problems = tuple(f"{look.host}: {problem}." for look in found for problem in judging.wrong(look, vm))
    if problems:
        count = "One problem keeps" if len(problems) == 1 else f"{len(problems)} problems keep"
        hint = "Mend what is named above."
        raise Configuration(f"{count} the firewall from being changed.", hint=hint, lines=problems)
    changing = [look for look in found if any(judging.differs(look, vm))]
    if not changing:
        return None
    steps = (*_packages(changing, mark), _apply(changing, place, mark, seconds))
    facts = [("open to", f"SSH: {', '.join(vm.admin_addresses) or 'all'}; {vm.http_port} and {vm.https_port}: all")]
    facts += [("you come from", f"{look.source} at {look.host}") for look in found if look.source]
    facts += [("no longer reached", f"{look.host}: {one}") for look in changing for one in judging.closed(look, vm)]
    facts += [("stays open", f"{look.host}: {one}") for look in changing for one in judging.stays(look, vm)]
    facts.append(("goes back", f"by itself, unless a new connection confirms it within {seconds} s"))
    where = ", ".join(look.host for look in changing)
    return Plan(VERB, place.names.deployment, where, steps, tuple(facts), "", serves_now)


def _packages(found: list[Look], mark: str) -> tuple[Step, ...]:
    hosts = {look.host: ["ufw"] for look in found if not look.installed}
    if not hosts:
        return ()
    about = {"hosts": hosts, "mark": mark}
    return (
        Step(
            "firewall-package",
            f"Install ufw on {', '.join(hosts)}",
            Action("install-packages", about),
            undo=Action("remove-packages", about),
            preview=tuple(f"{host}: apt-get install ufw" for host in hosts),
        ),
    )


def _apply(found: list[Look], place: Place, mark: str, seconds: int) -> Step:
    vm = place.loaded.settings.vm
    about = {
        "hosts": {look.host: applying.change(look, judging.wish(look, vm)) for look in found},
        "mark": mark,
        "seconds": seconds,
    }
    return Step(
        "firewall",
        f"Change the firewall on {', '.join(look.host for look in found)}, and confirm it over a new connection",
        Action("apply-firewall", about),
        undo=Action("take-back-firewall", {**about, "hosts": {look.host: "" for look in found}}),
        preview=tuple(f"{look.host}: {line}" for look in found for line in judging.differs(look, vm)),
    )
