"""Judge what a machine's firewall is against what it should be; pure."""

from collections.abc import Iterator

from decodeat_ops.core.firewall import Wall
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.firewall import rules
from decodeat_ops.targets.vm.firewall.looking import Look
from decodeat_ops.targets.vm.firewall.rules import Wish


def wish(look: Look, vm: Vm) -> Wish:
    """Return what is to be let in; the ports of SSH are those of the machine itself."""
    return Wish(look.ports, tuple(vm.admin_addresses), (vm.http_port, vm.https_port))


def wrong(look: Look, vm: Vm) -> Iterator[str]:
    """Yield what keeps the firewall from being changed, a sentence each without its end."""
    wanted = wish(look, vm)
    for other in look.others:
        yield f"another firewall is there: {other}; two of them undo each other, so turn that one off first"
    if look.busy:
        yield "another change of its firewall waits to be confirmed or goes back right now"
    if not look.ports:
        yield "the port of SSH is unknown: sshd -T says none, and this connection does not tell it"
    if wanted.admins and not look.source:
        yield "where you come from is unknown there, so that it can't be known whether vm.admin_addresses lets you in"
    elif look.source and not rules.admits(wanted, look.source):
        yield f"you come from {look.source}, which vm.admin_addresses does not name: it would shut you out"
    for rule in dict.fromkeys(one.shown for one in rules.voiding(wanted, look.rules)[1]):
        yield f"its rule “{rule}” opens more than SSH, and SSH to others than vm.admin_addresses: narrow it yourself"
    if look.builtins:
        yield "MANAGE_BUILTINS=yes in /etc/default/ufw has ufw delete Docker's rules: set it to no"
    if look.foreign:
        yield "ufw's after.rules has rules of somebody else for DOCKER-USER: take them out"
    elif any(live and not ours for live, ours in zip(look.docker_user, look.blocks or ("", ""), strict=False)):
        yield "the chain DOCKER-USER has rules of somebody else, which ours would replace"
    if look.bridges:
        yield f"{', '.join(look.bridges)} is named like Docker's networks and is none: what comes in there would pass"


def differs(look: Look, vm: Vm) -> Iterator[str]:
    """Yield what there is to change."""
    wanted = wish(look, vm)
    if not look.installed:
        yield "ufw is not installed"
    for port, source in rules.missing(wanted, look.rules, ipv6=look.ipv6):
        yield f"port {port} is not open to {source}"
    for rule in dict.fromkeys(one.shown for one in rules.voiding(wanted, look.rules)[0]):
        yield f"the rule “{rule}” lets others than vm.admin_addresses reach SSH"
    if look.installed and not look.active:
        yield "ufw is not active"
    if look.installed and not look.denies:
        yield "what no rule is about is let in"
    if look.installed and look.ipv6 and not look.filters6:
        yield "IPv6 is not filtered"
    block = rules.block(wanted)
    if any(one != block for one in look.blocks or ("",)):
        yield "ports that containers publish pass by ufw: /etc/ufw/after.rules has no rules for DOCKER-USER, or others"
    elif look.active and any(live != rules.forwarded(wanted) for live in look.docker_user[: 2 if look.ipv6 else 1]):
        yield "the rules for DOCKER-USER are not in force"
    if look.engine and look.active and not look.jumps:
        yield "Docker does not ask DOCKER-USER: restart it (systemctl restart docker)"


def stays(look: Look, vm: Vm) -> Iterator[str]:
    """Yield the rules of somebody else's that let in more, and are left alone."""
    yield from dict.fromkeys(f"“{rule.shown}”" for rule in rules.further(wish(look, vm), look.rules))


def closed(look: Look, vm: Vm) -> Iterator[str]:
    """Yield the published ports that nobody reaches from outside afterwards, which somebody may miss."""
    for line in look.published:
        name, _, ports = line.partition(" ")
        for one in ports.split(", "):
            address, _, port = one.partition("->")[0].rpartition(":")
            local = address.startswith("127.") or address in ("[::1]", "::1")
            if "->" in one and not local and port not in (str(vm.http_port), str(vm.https_port)):
                yield f"port {port} of {name}"


def wall(look: Look, vm: Vm) -> Wall:
    """Return what there is to say of a machine's firewall."""
    shown = (*look.status, *(line for live in look.docker_user for line in live))
    return Wall(look.host, look.active, shown, tuple(differs(look, vm)), tuple(wrong(look, vm)))
