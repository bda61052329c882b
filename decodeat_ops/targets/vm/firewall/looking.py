"""Look at a machine's firewall: one script, and what it printed as data."""

from collections.abc import Sequence
from dataclasses import dataclass

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm.firewall.rules import BEGIN as BLOCK
from decodeat_ops.targets.vm.firewall.rules import END as BLOCK_END
from decodeat_ops.targets.vm.firewall.rules import Rule, parse
from decodeat_ops.targets.vm.scripts import sections

LOCK = "/run/decodeat-ops-firewall.lock"  # not in /run/lock, where anybody may make files
# Tables that iptables, Docker, ufw and fail2ban make; any other one with a say about what comes in is a firewall.
_OURS = ("filter", "nat", "mangle", "raw", "security")
_HARMLESS = ("f2b", "docker")

SCRIPT = (
    sections.BEGIN
    + """\
PATH=$PATH:/usr/sbin:/sbin
process=$$
while [ "$process" -gt 1 ]; do
  source=$(tr '\\0' '\\n' <"/proc/$process/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p')
  if [ -n "$source" ]; then say source "$source"; break; fi
  process=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$process/status" 2>/dev/null)
  [ -n "$process" ] || break
done
say ports; sshd -T 2>/dev/null | sed -n 's/^port //p' | told
say ufw "$(command -v ufw)"
if command -v ufw >/dev/null; then
  ask status ufw status verbose
  say settings; cat /etc/default/ufw /etc/ufw/ufw.conf 2>/dev/null | told
  say rules; cat /etc/ufw/user.rules /etc/ufw/user6.rules 2>/dev/null | told
  say after4; told </etc/ufw/after.rules
  say after6; told </etc/ufw/after6.rules
fi
if [ -e /proc/net/if_inet6 ]; then say ipv6; fi
for family in iptables ip6tables; do
  command -v $family >/dev/null || continue
  say "$family"; { $family -S INPUT; $family -S FORWARD; $family -S DOCKER-USER; } 2>/dev/null | told
done
if command -v nft >/dev/null; then ask chains nft list chains; fi
if [ -d /run/systemd/system ]; then
  for unit in firewalld nftables; do if systemctl is-active --quiet $unit; then say unit $unit; fi; done
fi
if firewall-cmd --state >/dev/null 2>&1; then say unit firewalld; fi
say packages
# shellcheck disable=SC2016  # dpkg's own variables
dpkg-query -W -f '${Package} ${db:Status-Status}\\n' iptables-persistent netfilter-persistent 2>/dev/null | told
say bridges; sed -n 's/^ *\\(br-[^:]*\\):.*/\\1/p' /proc/net/dev | told
if command -v docker >/dev/null; then
  ask networks docker network ls --no-trunc --format '{{.ID}}'
  ask published docker ps --format '{{.Names}} {{.Ports}}'
fi
"""
    + f"if [ -e {LOCK} ] && ! flock -n {LOCK} true; then say busy; fi\n"
    + sections.END
)


@dataclass(frozen=True)
class Look:
    """Hold what a machine's firewall was found to be.

    `source` is the address that we come from and `ports` those of SSH, with the one that we came to. `forward` and
    `docker_user` are the live rules of both families, `blocks` what its files have of ours, `foreign` whether they have
    something else about DOCKER-USER.
    """

    host: str
    source: str = ""
    ports: tuple[int, ...] = ()
    installed: bool = False
    active: bool = False
    denies: bool = False
    builtins: bool = False  # ufw would flush all rules, Docker's too
    ipv6: bool = False  # the machine has it
    filters6: bool = False  # ufw is told to filter it
    rules: tuple[Rule, ...] = ()
    status: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    foreign: bool = False
    docker_user: tuple[tuple[str, ...], ...] = ()
    jumps: bool = False
    others: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    engine: bool = False
    busy: bool = False


def read(host: str, text: str) -> Look:
    """Read what the script printed. Raises `Unreachable` when it did not come to its end."""
    found = sections.parse(text)
    if not found.whole:
        raise Unreachable("it broke off while its firewall was looked at", hint="Run the command again.")
    source = found.one("source")
    came = source.words if source and len(source.words) == 4 else ()
    ports = {int(line) for line in found.text("ports").split() if line.isdigit()} | {int(port) for port in came[3:]}
    status, ufw = found.one("status"), found.one("ufw")
    active = status is not None and "Status: active" in status.lines
    conf = dict(line.split("=", 1) for line in found.text("settings").splitlines() if "=" in line and line[0] != "#")
    after = [_split(found.text(name)) for name in ("after4", "after6")]
    live = [found.text(name).splitlines() for name in ("iptables", "ip6tables")]
    networks = found.one("networks")
    docker = networks is not None and not networks.failed
    ids = {line[:12] for line in networks.lines} if networks and docker else set()
    return Look(
        host,
        source=came[0].partition("%")[0] if came else "",
        ports=tuple(sorted(ports)),
        installed=ufw is not None and bool(ufw.word),
        active=active,
        denies=conf.get("DEFAULT_INPUT_POLICY", "").strip('"') in ("DROP", "REJECT"),
        builtins=conf.get("MANAGE_BUILTINS", "").strip('"').lower() == "yes",
        ipv6=found.one("ipv6") is not None,
        filters6=conf.get("IPV6", "").strip('"').lower() == "yes",
        rules=parse(found.text("rules")),
        status=tuple(line for line in status.lines if line.strip()) if status else (),
        blocks=tuple(ours for ours, _ in after),
        foreign=any("DOCKER-USER" in rest for _, rest in after),
        docker_user=tuple(_chain(lines, "DOCKER-USER") for lines in live),
        jumps=any(line.startswith("-A FORWARD") and "-j DOCKER-USER" in line for line in live[0]),
        others=tuple(_others(found, active, live[0])),
        bridges=tuple(name for name in found.text("bridges").split() if name.removeprefix("br-") not in ids),
        published=tuple(found.text("published").splitlines()) if docker else (),
        engine=docker,
        busy=found.one("busy") is not None,
    )


def _split(text: str) -> tuple[str, str]:
    """Return what a file has between our marks, with them, and the rest of it."""
    before, begin, rest = text.partition(BLOCK)
    ours, end, after = rest.partition(BLOCK_END)
    return (begin + ours + end, before + after) if begin and end else ("", text)


def _chain(lines: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the rules of a chain without the last one that only returns, which Docker puts there."""
    found = [line for line in lines if line.startswith(f"-A {name} ")]
    if found and found[-1] == f"-A {name} -j RETURN":
        found.pop()
    return tuple(found)


def _others(found: sections.Sections, active: bool, live: Sequence[str]) -> list[str]:
    """Return the other firewalls that are in use."""
    names = [f"{one.word} is in use" for one in found.named("unit")]
    names += [
        f"{line.split()[0]} is installed, which ufw takes the place of"
        for line in found.text("packages").splitlines()
        if line.endswith(" installed")
    ]
    table = ""
    chains = found.one("chains")
    for line in chains.lines if chains and not chains.failed else ():
        if line.startswith("table "):
            table = line.removesuffix(" {").removeprefix("table ")
        elif "hook input" in line or "hook forward" in line:
            family, _, name = table.partition(" ")
            known = family in ("ip", "ip6") and name in _OURS
            if not known and not name.startswith(_HARMLESS):
                names.append(f"the nftables table {table} has rules of its own")
    # Without ufw, nothing that it knows keeps anything out: what does is somebody else's.
    strict = [line for line in live if line == "-P INPUT DROP" or (line.startswith("-A INPUT") and _drops(line))]
    if strict and not active:
        names.append(f"iptables has rules of its own ({strict[0]})")
    return list(dict.fromkeys(names))


def _drops(line: str) -> bool:
    return line.endswith("-j DROP") or "-j REJECT" in line
