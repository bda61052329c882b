"""Install Docker, Compose v2 and what else a machine lacks, from the sources that its own apt has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.bootstrap import marks
from decodeat_ops.targets.vm.bootstrap.ground import Ground
from decodeat_ops.targets.vm.bootstrap.systems import SYSTEMS
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts.quoting import lines, words

LASTS = 1800.0  # seconds: a slow mirror, and another apt that has to end first
DOCKERS_OWN = "Docker's own packages (docs.docker.com/engine/install)"


@dataclass(frozen=True)
class Lack:
    """Hold the packages to install, each perhaps with =version, and why that is not enough, "" when it is."""

    packages: tuple[str, ...] = ()
    problem: str = ""


# What a certificate takes besides, by where it comes from; a program may also be there without its package.
PROGRAMS: Mapping[str, tuple[str, ...]] = {"acme": ("certbot", "openssl"), "own": ("openssl",)}


def lacking(ground: Ground, *, upgrades: bool, certificate: str = "") -> Lack:
    """Return what a machine needs from its packages, with a certificate of that kind; pure."""
    found: list[str] = []
    problem = ""
    if not ground.engine.path:
        found.append("docker-ce" if ground.offered.get("docker-ce") else "docker.io")
    if not ground.engine.compose:
        compose = _compose(ground)
        found += [compose] if compose else []
        problem = "" if compose else _without(ground)
    if found and "ca-certificates" not in ground.packages:
        found.append("ca-certificates")  # registries speak TLS
    if upgrades and "unattended-upgrades" not in ground.packages:
        found.append("unattended-upgrades")
    found += [name for name in PROGRAMS.get(certificate, ()) if name not in ground.programs]
    return Lack(tuple(found), problem)


def _compose(ground: Ground) -> str:
    """Return the package of Compose v2: Docker's own where its source is configured, else the system's."""
    if ground.offered.get("docker-compose-plugin"):
        return "docker-compose-plugin"
    if ground.offered.get("docker-compose-v2"):
        return "docker-compose-v2"
    offered = ground.offered.get("docker-compose", ())
    for version in offered:
        if _major(version) >= 2:  # also one that apt would not choose by itself, as from backports
            return "docker-compose" if version == offered[0] else f"docker-compose={version}"
    if offered:
        return ""
    # Without lists, which a new machine may lack, apt offers nothing at all until it has fetched them.
    system = SYSTEMS.get((ground.system, ground.version))
    return system.compose if system else ""


def _major(version: str) -> int:
    number = version.partition(":")[2] or version
    first = number.split(".")[0]
    return int(first) if first.isdigit() else 0


def _without(ground: Ground) -> str:
    name = ground.pretty or "its system"
    if ground.engine.path:
        also = "" if "docker-ce" in ground.packages else " beside the engine that is there"
        return (
            f"{name} has no package of Compose v2: add Docker's own source for apt and install docker-compose-plugin"
            f"{also}, or let apt have backports"
        )
    return (
        f"{name} has no package of Compose v2: install {DOCKERS_OWN}, or add that source to apt and let bootstrap "
        "do it, or let apt have backports"
    )


_INSTALL = """\
missing=
for package in "$@"; do
  name=${package%%=*}
  state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)
  [ "$state" = installed ] && continue
  missing="$missing $package"
  grep -qsx "$name" "$notes" || echo "$name" >>"$notes"
done
[ -n "$missing" ] || exit 0
DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l; export DEBIAN_FRONTEND NEEDRESTART_MODE
umask 022
apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 update </dev/null || exit 77
# shellcheck disable=SC2086  # names of packages, one a word
apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 \\
  -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install $missing </dev/null || exit 77
"""
# Images and containers stay in any case: removing a package deletes none of its data.
_REMOVE = """\
[ -e "$notes" ] || exit 0
if command -v docker >/dev/null && [ -n "$(docker ps -aq 2>/dev/null)" ]; then
  echo "the packages stay: there are containers by now"
  exit 0
fi
DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND
xargs apt-get -q -y -o DPkg::Lock::Timeout=300 remove <"$notes" >/dev/null || exit 77
rm -f "$notes"
"""


def installing(mark: str, packages: Sequence[str]) -> str:
    """Return the script that installs what is missing of these packages, and notes what was."""
    return marks.script(mark, "packages", lines(f"set -- {words(*packages)}", _INSTALL))


def install(place: Place, context: Context, params: Params) -> None:
    """Install on each machine what it lacks."""

    def work(host: Remote) -> marks.Said:
        packages = params["hosts"][host.name]
        marks.run(place, host, installing(params["mark"], packages), timeout=LASTS)
        context.say(f"{host.name}: {', '.join(packages)} installed")
        return ()

    marks.at_each(place, context, params, work)


def remove(place: Place, context: Context, params: Params) -> dict[str, list[str]]:
    """Remove the packages that were installed, but not what came with them, nor anything once containers are there."""
    text = marks.script(params["mark"], "packages", _REMOVE)
    return marks.at_each(place, context, params, lambda host: marks.run(place, host, text, timeout=LASTS), undo=True)


ACTIONS: Acts = {"install-packages": install, "remove-packages": remove}
