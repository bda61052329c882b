"""Say what a machine lets in, and compare that with its rules; pure."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

COMMENT = "decodeat-ops"
_ANY = ("0.0.0.0/0", "::/0", "any")
BEGIN, END = "# BEGIN decodeat-ops", "# END decodeat-ops"


@dataclass(frozen=True)
class Rule:
    """Describe a rule of ufw for what comes in, as its file of rules has it.

    `port` may be "any", a list or a range, `application` the name of ufw's profile that it was given by.
    """

    action: str  # allow, limit, deny, reject
    protocol: str
    port: str
    to: str
    source: str
    way: str = "in"  # in, or in_<interface>
    application: str = ""

    @property
    def opens(self) -> bool:
        return self.action in ("allow", "limit")

    def covers(self, port: int) -> bool:
        """Return whether connections to this port of TCP are what it is about."""
        if self.protocol not in ("tcp", "any"):
            return False
        return self.port == "any" or any(low <= port <= high for low, high in _ranges(self.port))

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words by which ufw knows it again."""
        interface = self.way.partition("_")[2]
        on = ("in", "on", interface) if interface else ()
        source = "any" if self.source in _ANY else self.source
        to = "any" if self.to in _ANY else self.to
        if self.application:
            return (self.action, *on, "from", source, "to", to, "app", self.application)
        protocol = ("proto", self.protocol) if self.protocol != "any" else ()
        port = ("port", self.port) if self.port != "any" else ()
        return (self.action, *on, *protocol, "from", source, "to", to, *port)

    @property
    def shown(self) -> str:
        return shlex.join(self.words)


def parse(text: str) -> tuple[Rule, ...]:
    """Read the rules for what comes in from ufw's file of rules; what is forwarded or goes out is left out."""
    found = []
    for line in text.splitlines():
        words = line.removeprefix("### tuple ###").split()
        if not line.startswith("### tuple ###") or ":" in words[0]:
            continue
        words = [word for word in words if not word.startswith("comment=")]
        if len(words) not in (7, 9) or not words[-1].startswith("in"):
            continue
        action, protocol, port, to, _, source = words[:6]
        application = words[6].replace("%20", " ") if len(words) == 9 and words[6] != "-" else ""
        found.append(
            Rule(
                action.removesuffix("_log").removesuffix("_log-all"), protocol, port, to, source, words[-1], application
            )
        )
    return tuple(found)


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split(","):
        low, _, high = part.partition(":")
        if low.isdigit():
            yield int(low), int(high or low)


@dataclass(frozen=True)
class Wish:
    """Hold what is to be let in: the ports of SSH from these addresses, all without any, and those of clients."""

    ssh: tuple[int, ...]
    admins: tuple[str, ...]
    clients: tuple[int, ...]

    @property
    def openings(self) -> tuple[tuple[int, str], ...]:
        """Return each port with the address that it is open to, "any" for all; SSH first."""
        ssh = tuple((port, source) for port in self.ssh for source in (self.admins or ("any",)))
        return ssh + tuple((port, "any") for port in self.clients)


def missing(wish: Wish, rules: Sequence[Rule], *, ipv6: bool) -> tuple[tuple[int, str], ...]:
    """Return the openings that no rule makes as it stands, once those are deleted that let others in."""
    stays = _staying(wish, rules)
    return tuple(one for one in wish.openings if not _open(one, stays, ipv6))


def denied(wish: Wish, rules: Sequence[Rule]) -> tuple[tuple[int, str], ...]:
    """Return the openings that a rule denies as a whole: only a rule before it makes them."""
    stays = _staying(wish, rules)
    return tuple(
        (port, source)
        for port, source in wish.openings
        if any((rule := _first(port, one, stays)) is not None and not rule.opens for one in _all(source, ipv6=True))
    )


def _staying(wish: Wish, rules: Sequence[Rule]) -> list[Rule]:
    void, _ = voiding(wish, rules)
    return [rule for rule in rules if rule not in void]


def _open(opening: tuple[int, str], rules: Sequence[Rule], ipv6: bool) -> bool:
    port, source = opening
    return all((rule := _first(port, one, rules)) is not None and rule.opens for one in _all(source, ipv6=ipv6))


def _all(source: str, *, ipv6: bool) -> tuple[str, ...]:
    return (_ANY[:2] if ipv6 else _ANY[:1]) if source == "any" else (source,)


def _first(port: int, source: str, rules: Sequence[Rule]) -> Rule | None:
    """Return the first rule that is about a port and all of these addresses.

    One about some of them makes an exception, such as for somebody who was shut out, and that is the operator's.
    """
    for rule in rules:
        if rule.covers(port) and rule.way == "in" and rule.to in _ANY and _within(source, rule.source):
            return rule
    return None


def _within(inner: str, outer: str) -> bool:
    one, other = ip_network(inner, strict=False), ip_network(outer, strict=False)
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def voiding(wish: Wish, rules: Sequence[Rule]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Return the rules that let others reach SSH than administrators: those to delete, and those for more than SSH."""
    if not wish.admins:
        return (), ()
    void = [
        rule
        for rule in rules
        if rule.opens
        and any(rule.covers(port) for port in wish.ssh)
        and not any(_within(rule.source, admin) for admin in wish.admins)
    ]
    alone = [rule for rule in void if _only(rule, wish.ssh)]
    return tuple(alone), tuple(rule for rule in void if rule not in alone)


def further(wish: Wish, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that let in more than is wanted, and stay."""
    wanted = (*wish.ssh, *wish.clients)
    return tuple(
        rule
        for rule in _staying(wish, rules)
        if rule.opens and (rule.protocol not in ("tcp", "any") or not _only(rule, wanted))
    )


def _only(rule: Rule, ports: Sequence[int]) -> bool:
    return rule.port != "any" and all(low == high and low in ports for low, high in _ranges(rule.port))


def admits(wish: Wish, address: str) -> bool:
    """Return whether an address may reach SSH."""
    return not wish.admins or any(_within(address, admin) for admin in wish.admins)


def forwarded(wish: Wish) -> tuple[str, ...]:
    """Return the rules of DOCKER-USER, as `iptables -S` shows them.

    Docker sends what comes to a published port on to its container before ufw's rules are asked; these are asked first.
    Answers and what containers send pass. Of the rest, what was meant for a port of clients passes; what was meant for
    another published port, or for a container itself, does not.
    """
    return (
        "-A DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-A DOCKER-USER -i docker+ -j RETURN",
        "-A DOCKER-USER -i br-+ -j RETURN",
        *(
            f"-A DOCKER-USER -p tcp -m conntrack --ctstate DNAT --ctorigdstport {port} --ctdir ORIGINAL -j RETURN"
            for port in wish.clients
        ),
        "-A DOCKER-USER -m conntrack --ctstate DNAT -j DROP",
        "-A DOCKER-USER -o docker+ -j DROP",
        "-A DOCKER-USER -o br-+ -j DROP",
    )


def block(wish: Wish) -> str:
    """Return what ufw's after.rules and after6.rules get, between marks."""
    return "\n".join((BEGIN, "*filter", ":DOCKER-USER - [0:0]", *forwarded(wish), "COMMIT", END))
