"""What a firewall lacks, and what is wrong with it, is decided from what the look found; nothing is asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.firewall import guard, judging, looking, rules
from decodeat_ops.targets.vm.firewall.looking import Look
from decodeat_ops.targets.vm.firewall.rules import Rule, Wish, parse
from tests.support.own_machine import complaints
from tests.unit.targets.vm.bare import loaded

RULES = """\
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in
### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in comment=6465
-A ufw-user-input -p tcp --dport 80 -j ACCEPT
### tuple ### limit_log any 20:30 0.0.0.0/0 any 10.0.0.0/8 in_eth1
### tuple ### route:allow tcp 1 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### deny tcp 25 0.0.0.0/0 any 0.0.0.0/0 out
"""
V4, V6 = ("0.0.0.0/0",) * 2, ("::/0",) * 2
WISH = Wish((22,), ("203.0.113.7/32",), (80, 443))
OPEN = Wish((22,), (), (80, 443))


def both(action: str, port: str, protocol: str = "tcp") -> tuple[Rule, ...]:
    return tuple(Rule(action, protocol, port, to, source) for to, source in (V4, V6))


def test_ufws_file_is_read() -> None:
    ssh, web, many = parse(RULES)
    assert (ssh.application, ssh.shown) == ("OpenSSH", "allow from any to any app OpenSSH")
    assert web.covers(443) and not web.covers(22)
    assert (many.action, many.covers(22), many.covers(31)) == ("limit", True, False)
    assert many.shown == "limit in on eth1 from 10.0.0.0/8 to any port 20:30"


def test_what_is_open_is_not_opened_again() -> None:
    held = (*both("allow", "22", "any"), *both("limit", "80,443"))
    assert rules.missing(OPEN, held, ipv6=True) == ()
    assert rules.missing(OPEN, held[1:], ipv6=True) == ((22, "any"),)
    assert rules.missing(OPEN, (held[0], held[2]), ipv6=False) == ()


def test_a_rule_that_denies_first_leaves_a_port_closed() -> None:
    assert rules.missing(OPEN, (*both("deny", "any"), *both("allow", "22"), *both("allow", "80,443")), ipv6=True) == (
        OPEN.openings
    )


def test_whom_the_operator_has_shut_out_stays_out() -> None:
    """A rule that lets all in would void an exception that stands behind it."""
    out = Rule("deny", "any", "any", "0.0.0.0/0", "192.0.2.0/24")
    held = (out, *both("allow", "22"), *both("allow", "80,443"))
    assert rules.missing(OPEN, held, ipv6=True) == ()
    assert rules.missing(OPEN, held[:3], ipv6=True) == ((80, "any"), (443, "any"))
    assert rules.denied(OPEN, held) == ()
    text = guard.change(OPEN, ((80, "any"),), (), rules.denied(OPEN, held[:3]))
    assert "ufw allow proto tcp from any to any port 80" in text and "prepend" not in text


def test_what_is_denied_as_a_whole_is_opened_before_that() -> None:
    """Also by a rule that stands there already, but behind, or that goes."""
    held = (*both("allow", "22"), *both("reject", "any"), *both("allow", "80"))
    assert rules.denied(OPEN, held) == ((80, "any"), (443, "any"))
    assert rules.denied(WISH, held) == WISH.openings
    text = guard.change(OPEN, OPEN.openings[1:], (), rules.denied(OPEN, held))
    order = [text.index(f"{words} proto tcp from any to any port 80") for words in ("delete allow", "prepend allow")]
    assert order == sorted(order)
    assert text.index("port 443") < order[0], "so that it ends up behind"


def test_rules_of_others_that_let_more_in_are_told(tmp_path: Path) -> None:
    more = (*both("allow", "5432"), *both("allow", "443", "udp"), *both("deny", "25"), *both("allow", "any", "any"))
    stays = [*judging.stays(replace(GOOD, rules=(*GOOD.rules, *more)), vm(tmp_path))]
    assert [one.partition(" ")[2] for one in stays] == [
        "proto tcp from any to any port 5432”", "proto udp from any to any port 443”", "from any to any”",
    ]  # fmt: skip
    assert [*judging.stays(GOOD, vm(tmp_path))] == []


def test_41_a_rule_for_all_voids_the_administrators_own_and_is_not_what_lets_them_in() -> None:
    held = both("allow", "22")
    assert rules.voiding(WISH, held) == (held, ())
    assert (22, "203.0.113.7/32") in rules.missing(WISH, held, ipv6=True)
    assert rules.voiding(OPEN, held) == ((), ())


def test_a_rule_for_more_than_ssh_is_the_operators_to_narrow() -> None:
    assert rules.voiding(WISH, both("allow", "any", "any"))[1] == both("allow", "any", "any")
    inner = (Rule("allow", "any", "any", "0.0.0.0/0", "203.0.113.7"),)
    assert rules.voiding(WISH, inner) == ((), ())


def test_41_ssh_is_allowed_before_anything_is_denied() -> None:
    text = guard.change(WISH, WISH.openings, both("allow", "22"))
    order = [
        text.index(words)
        for words in ("from 203.0.113.7/32 to any port 22", "ufw delete", "default deny", "--force enable")
    ]
    assert order == sorted(order)
    assert text.count("ufw delete allow proto tcp from any to any port 22") == 1


def vm(home: Path, more: str = "") -> Vm:
    return loaded(home, more).settings.vm


GOOD = Look(
    "one",
    source="203.0.113.7",
    ports=(22,),
    installed=True,
    active=True,
    denies=True,
    ipv6=True,
    filters6=True,
    rules=(*both("allow", "22"), *both("allow", "80"), *both("allow", "443")),
    blocks=(rules.block(OPEN),) * 2,
    docker_user=(rules.forwarded(OPEN),) * 2,
    jumps=True,
    engine=True,
)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, ""),
        ({"installed": False, "active": False}, "ufw is not installed"),
        ({"active": False}, "ufw is not active"),
        ({"denies": False}, "what no rule is about is let in"),
        ({"filters6": False}, "IPv6 is not filtered"),
        ({"rules": GOOD.rules[:4]}, "port 443 is not open to any"),
        ({"blocks": ("", "")}, "pass by ufw"),
        ({"docker_user": ((), ())}, "not in force"),
        ({"jumps": False}, "does not ask DOCKER-USER"),
    ],
)
def test_what_differs_is_said(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    found = "\n".join(judging.differs(replace(GOOD, **more), vm(tmp_path)))
    assert says in found and bool(found) is bool(says)


@pytest.mark.parametrize(
    ("more", "settings", "says"),
    [
        ({}, "", ""),
        ({"others": ("firewalld is in use",)}, "", "another firewall is there: firewalld"),
        ({"busy": True}, "", "waits to be confirmed"),
        ({"ports": ()}, "", "the port of SSH is unknown"),
        ({"source": ""}, 'admin_addresses = ["203.0.113.0/24"]', "where you come from is unknown"),
        ({}, 'admin_addresses = ["198.51.100.0/24"]', "you come from 203.0.113.7"),
        ({"rules": both("allow", "any", "any")}, 'admin_addresses = ["203.0.113.0/24"]', "opens more than SSH"),
        ({"builtins": True}, "", "MANAGE_BUILTINS"),
        ({"foreign": True}, "", "somebody else for DOCKER-USER"),
        ({"blocks": ("", ""), "docker_user": (("-A DOCKER-USER -j DROP",), ())}, "", "somebody else, which ours"),
        ({"bridges": ("br-lan",)}, "", "br-lan is named like"),
    ],
)
def test_what_is_wrong_refuses(tmp_path: Path, more: dict[str, Any], settings: str, says: str) -> None:
    found = "\n".join(judging.wrong(replace(GOOD, **more), vm(tmp_path, f"{settings}\n")))
    assert says in found and bool(found) is bool(says)


def test_ports_that_somebody_may_miss_are_named(tmp_path: Path) -> None:
    published = ("web 0.0.0.0:80->8080/tcp, [::]:8000->8000/tcp", "db 127.0.0.1:5432->5432/tcp, 9/tcp")
    assert list(judging.closed(replace(GOOD, published=published), vm(tmp_path))) == ["port 8000 of web"]


def said(*sections: str) -> str:
    return "".join(f"{one}\n" for one in (*sections, "= end"))


def test_another_firewall_is_found() -> None:
    chains = "= chains 0\n table inet filter {\n chain input {\n type filter hook input priority 0; policy drop;\n }"
    legal = "".join(f"\n table {name} {{\n type filter hook input" for name in ("ip filter", "inet f2b-table"))
    assert looking.read("one", said(chains + legal)).others == ("the nftables table inet filter has rules of its own",)
    strict = "= iptables\n -P INPUT ACCEPT\n -A INPUT -j REJECT --reject-with icmp-host-prohibited"
    assert "iptables has rules of its own" in looking.read("one", said(strict)).others[0]
    assert looking.read("one", said("= status 0\n Status: active", strict)).others == ()
    assert (
        looking.read("one", said("= packages\n iptables-persistent installed"))
        .others[0]
        .startswith("iptables-persistent")
    )


def test_where_we_come_from_and_to_is_read() -> None:
    look = looking.read("one", said("= source 203.0.113.7 50000 198.51.100.2 2222", "= ports\n 22"))
    assert (look.source, look.ports) == ("203.0.113.7", (22, 2222))
    with pytest.raises(Unreachable, match="broke off"):
        looking.read("one", "= source 1 2 3 4\n")


def test_addresses_of_administrators_are_checked(tmp_path: Path) -> None:
    assert vm(tmp_path, 'admin_addresses = ["203.0.113.7", "2001:db8::/32"]\n').admin_addresses == [
        "203.0.113.7/32",
        "2001:db8::/32",
    ]
    with pytest.raises(Configuration, match="admin_addresses: 'home'"):
        vm(tmp_path, 'admin_addresses = ["home"]\n')


def test_the_scripts_are_clean(tmp_path: Path) -> None:
    change = guard.change(WISH, WISH.openings, ())
    made = (
        guard.guard("m", 60, change),
        guard.guard("m", 60, guard.change(OPEN, OPEN.openings, (), OPEN.openings)),
        *(make("m") for make in (guard.applying, guard.confirming, guard.taking_back)),
    )
    assert complaints(tmp_path / "scripts", (*made, guard.telling("m"), looking.SCRIPT)) == []
