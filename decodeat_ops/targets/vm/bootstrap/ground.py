"""Hold what a machine's ground was found to be, and read it from what the look printed."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm.scripts.sections import Sections, parse

LISTEN = "listening"


@dataclass(frozen=True)
class Engine:
    """Describe Docker on a machine. `version` is "" when nothing answers, `compose` when there is no Compose v2.

    `path` is the client's, `file` the text of daemon.json, None without one; `flags` is the daemon's command line.
    """

    path: str = ""
    version: str = ""
    compose: str = ""
    file: str | None = None
    flags: str = ""
    driver: str = ""
    live_restore: bool = False
    swarm: bool = False
    running: int = 0
    said: str = ""  # what the client said when nothing answered
    network: bool = False  # whether the deployment's network is there


@dataclass(frozen=True)
class Ground:
    """Describe a machine. Sizes in bytes; `offset` is its clock's lead over ours in seconds, sure to `unsure` seconds.

    `programs` are those for certificates, `packages` versions of installed packages, `offered` all versions that apt
    could install, best first. `unreached` are addresses that were asked for and gave no answer, with the reason.
    """

    host: str
    root: bool = False
    system: str = ""
    version: str = ""
    pretty: str = ""
    machine: str = ""
    cpus: int = 0
    memory: int = 0
    free: Mapping[str, int] = field(default_factory=dict)
    listening: frozenset[int] = frozenset()
    listeners: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    systemd: bool = False
    synchronised: bool | None = None
    offset: float = 0.0
    unsure: float = 0.0
    engine: Engine = field(default_factory=Engine)
    apt: bool = False
    programs: frozenset[str] = frozenset()
    packages: Mapping[str, str] = field(default_factory=dict)
    offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    periodic: Mapping[str, str] = field(default_factory=dict)
    timer: bool = True
    taken: tuple[str, ...] = ()
    unreached: Mapping[str, str] = field(default_factory=dict)


def read(host: str, text: str, before: float, after: float) -> Ground:
    """Read a machine's ground; `before` and `after` are our clock's seconds around the look.

    Raises `Unreachable` when the script did not come to its end.
    """
    found = parse(text)
    if not found.whole:
        raise Unreachable("it broke off while it was looked at", hint="Run the command again.")
    release = _assignments(found.text("os-release"))
    machine = found.one("machine")
    offset, unsure = _clock(found, before, after)
    return Ground(
        host,
        root=found.one("user", "0") is not None,
        system=release.get("ID", ""),
        version=release.get("VERSION_ID", ""),
        pretty=release.get("PRETTY_NAME", ""),
        machine=machine.word if machine else "",
        cpus=int(machine.words[1]) if machine else 0,
        memory=1024 * int((found.text("memory") or "MemTotal: 0 kB").split()[1]),
        free={one.words[1]: 1024 * int(one.word) for one in found.named("space")},
        listening=frozenset(int(line.rpartition(":")[2], 16) for line in found.text(LISTEN).splitlines()),
        listeners=_lines(found, "listeners"),
        published=_lines(found, "published"),
        systemd=found.one("systemd") is not None,
        synchronised=_synchronised(found),
        offset=offset,
        unsure=unsure,
        engine=_engine(found),
        apt=found.one("packages") is not None,
        programs=frozenset(line.rpartition("/")[2] for line in found.text("programs").splitlines()),
        packages=_packages(found.text("packages")),
        offered=_offered(found.text("policy")),
        periodic=_periodic(found.text("periodic")),
        timer=found.one("timer") is None or found.text("timer") in ("enabled", "static", "indirect"),
        taken=tuple(line.split(":")[0] for line in found.text("taken").splitlines()),
        unreached=_unreached(found),
    )


def _clock(found: Sections, before: float, after: float) -> tuple[float, float]:
    """Return how far its clock is ahead of ours, and half of the time on the way, by which that may be wrong."""
    begin, end = found.one("begin"), found.one("end-time")
    if begin is None or end is None:
        return 0.0, 0.0
    here, there = float(begin.word), float(end.word)
    on_the_way = max((after - before) - (there - here), 0.0)
    return here - (before + on_the_way / 2), on_the_way / 2


def _engine(found: Sections) -> Engine:
    path = found.one("docker-path")
    file, version, compose, info = (found.one(name) for name in ("daemon-file", "engine", "compose", "info"))
    network = found.one("network")
    told = info.text.split() if info and not info.failed else []
    driver, live, swarm, running = told[:4] if len(told) >= 4 else ("", "", "", "0")
    answers = version is not None and not version.failed
    return Engine(
        path=path.word if path else "",
        version=version.text.strip() if version and answers else "",
        compose=_second(compose.text.strip()) if compose and not compose.failed else "",
        file=None if file is None else file.text,
        flags=found.text("daemon"),
        driver=driver,
        live_restore=live == "true",
        swarm=swarm == "active",
        running=int(running),
        said=version.lines[-1] if version and not answers and version.lines else "",
        network=network is not None and not network.failed,
    )


def _second(version: str) -> str:
    """Return a version of Compose if it is 2 or later, "" for what else answers to its name."""
    number = version.removeprefix("v").split(".")[0]
    return version.removeprefix("v") if number.isdigit() and int(number) >= 2 else ""


def _assignments(text: str) -> dict[str, str]:
    """Read the lines of an os-release file; the first of two with the same name counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                found.setdefault(name, " ".join(shlex.split(value)))
            except ValueError:
                found.setdefault(name, value)
    return found


def _packages(text: str) -> dict[str, str]:
    told = [line.split() for line in text.splitlines()]
    return {words[0]: words[2] for words in told if len(words) == 3 and words[1] == "installed"}


def _offered(text: str) -> dict[str, tuple[str, ...]]:
    """Read the versions of `apt-cache policy` by package: the candidate first, then those of the version table."""
    found: dict[str, list[str]] = {}
    package = ""
    for line in text.splitlines():
        words = line.replace("***", "").split()
        if not line.startswith(" "):
            package = line.strip().rstrip(":")
            found[package] = []
        elif words[:1] == ["Candidate:"] and words[1] != "(none)":
            found[package].append(words[1])
        elif line.startswith((" *** ", "     ")) and not line.startswith("      ") and words:
            found[package].append(words[0])
    return {name: tuple(dict.fromkeys(versions)) for name, versions in found.items()}


def _periodic(text: str) -> dict[str, str]:
    """Read what `apt-config dump` says, by the last word of each name."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.rstrip(";").partition(" ")
        found[name.rpartition("::")[2]] = value.strip('"')
    return found


def _synchronised(found: Sections) -> bool | None:
    told = found.one("synchronised")
    return None if told is None or told.failed else told.text.strip() == "yes"


def _unreached(found: Sections) -> dict[str, str]:
    """Return the addresses that gave no answer. A registry that asks for a login has answered."""
    lost = {}
    for one in (*found.named("archive"), *found.named("registry")):
        answered = one.name == "registry" and any(f" {code} " in one.text for code in (401, 403, 404, 405))
        if one.failed and not answered:
            told = [line for line in one.lines if line.startswith(("E:", "Err:"))] or list(one.lines)
            lost[one.words[1]] = told[-1].strip() if told else "no answer in time"
    return lost


def _lines(found: Sections, name: str) -> tuple[str, ...]:
    one = found.one(name)
    return () if one is None or one.failed else tuple(line for line in one.lines if line.strip())


def settings_of(file: str | None) -> dict[str, Any]:
    """Return the settings of a daemon.json. Raises ValueError when it is no object."""
    if file is None or not file.strip():
        return {}
    told = json.loads(file)
    if not isinstance(told, dict):
        raise ValueError("it holds no object")
    return told
