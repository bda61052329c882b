"""Parse what a machine said of a deployment: links, records, and Docker's own JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from decodeat_ops.core.release import FORMAT
from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.names import COLOURS, Colour, Names
from decodeat_ops.targets.vm.observed import Container, Seen
from decodeat_ops.targets.vm.release import VmRelease, from_record
from decodeat_ops.targets.vm.scripts import sections
from decodeat_ops.targets.vm.scripts.look import PARTS
from decodeat_ops.targets.vm.scripts.sections import Section, Sections

_SPACE = re.compile(r"\s(\d+)\s+(\d+)\s+(-?\d+)\s+(?:\d+|-)%")
_INODES = re.compile(r"\s(\d+)%\s")
_PUBLISHED = re.compile(r":(\d+)(?:-(\d+))?->")
_NANOSECONDS = re.compile(r"\.\d+")
_NEVER = "0001-01-01"  # what Docker says of a moment that has not come
NONE = "<none>"


def parse(host: str, text: str, names: Names) -> Seen:
    """Return what a machine has. It never raises: what is damaged is said in `problem` or `damaged`."""
    found = sections.parse(text)
    if not found.whole:
        return Seen(host, problem="its answer broke off", silent=True)
    releases, damaged = _releases(found, names)
    problem, hint = _problem(found, names)
    seen = Seen(
        host,
        problem=problem,
        hint=hint,
        stopped=_link(found, "stopped"),
        colours={one: link for one in COLOURS if (link := _link(found, one))},
        releases=releases,
        edge=_link(found, "edge"),
        maintenance=found.one("maintenance") is not None,
        journals=found.one("journals") is not None,
        free_bytes=_free(found),
        inodes=_inodes(found),
        clock=_number(found.one("clock")),
        there=found.one("root") is not None,
        damaged={**damaged, **_no_links(found, names)},
        left=found.one("data") is not None,
        switched=_moment(found.one("link", "active")),
        certificate=found.text("certificate"),
        salt=found.text("salt"),
        boot=word.word if (word := found.one("boot")) else "",
    )
    leads = _link(found, "active")
    active = next((one for one in COLOURS if one == leads), None)
    if leads and active is None:
        seen = replace(seen, damaged={**seen.damaged, str(names.active): f"it leads to {leads}, which is no colour"})
    return replace(_with_engine(seen, found, names), active=active)


def _problem(found: Sections, names: Names) -> tuple[str, str]:
    """Return why nothing there may be changed, and what to do about it; "" for nothing."""
    user = found.one("user")
    if user is not None and user.word != "0":
        return (
            f"scripts run there as user {user.word}, not as root",
            "Let vm.user be root, or let it become root by sudo.",
        )
    if found.one("locked") is not None:
        return f"{names.root} can't be read, not even by root", "See what mounts it there, and how."
    format_file = found.one("format")
    if format_file is None:
        return "", ""
    try:
        told = json.loads(format_file.text)
        number, whose = int(told["format"]), str(told.get("deployment", names.deployment))
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"{names.format_file} is damaged", 'It says {"format": 1} and the deployment: put it back.'
    if number > FORMAT:
        newer = f"a newer version of decodeat-ops wrote {names.root} (format {number}, this one knows {FORMAT})"
        return newer, "Use that version or a later one."
    if whose != names.deployment:
        return f"{names.root} is of another deployment, {whose}", "Give this one a name or a vm.directory of its own."
    return "", ""


def _link(found: Sections, name: str) -> str:
    """Return the last part of where a link leads, "" when there is none."""
    told = found.one("link", name)
    return told.text.strip().rstrip("/").rpartition("/")[2] if told else ""


def _moment(link: Section | None) -> str:
    if link is None or len(link.words) < 2 or not link.words[1].isdigit():
        return ""
    return datetime.fromtimestamp(int(link.words[1]), UTC).isoformat(timespec="seconds")


def _no_links(found: Sections, names: Names) -> dict[str, str]:
    """Return what should be a link and is none."""
    paths: dict[str, PurePosixPath] = {
        "active": names.active, "stopped": names.stopped, "edge": names.edge / "current",
        "certificates": names.certificates / "live", **{one: names.colour_link(one) for one in COLOURS},
    }  # fmt: skip
    return {str(paths[one.word]): "it is no link" for one in found.named("nolink") if one.word in paths}


def _releases(found: Sections, names: Names) -> tuple[tuple[VmRelease, ...], dict[str, str]]:
    """Return the releases whose records are whole, newest first, and the other records with what is wrong."""
    whole, damaged = [], {}
    for one in found.named("release"):
        try:
            release = from_record(one.text)
            number = int(release.format)
            if number > FORMAT:
                raise ValueError(f"a newer version of decodeat-ops wrote it (format {number})")
            if release.id != one.word:
                raise ValueError(f"it is of release {release.id}")
            whole.append(release)
        except (TypeError, ValueError) as error:
            damaged[str(names.release(one.word) / "release.json")] = str(error)
    return tuple(sorted(whole, key=lambda one: one.order, reverse=True)), damaged


def _free(found: Sections) -> int:
    space = _SPACE.search(found.text("space"))
    return max(0, int(space[3])) * 1024 if space else -1


def _inodes(found: Sections) -> int:
    used = _INODES.search(f"{found.text('inodes')} ")
    return int(used[1]) if used else 0


def _number(told: Section | None) -> float:
    try:
        return float(told.word) if told else 0.0
    except ValueError:
        return 0.0


def _with_engine(seen: Seen, found: Sections, names: Names) -> Seen:
    """Add what the engine tells; its warnings, which are no JSON, are passed over."""
    engine = found.one("engine")
    if engine is None:
        return replace(seen, engine_problem="there is no Docker")
    version = next((one.get("Server") or {} for one in _objects(engine)), {}).get("Version", "")
    if engine.failed or not version:
        return replace(seen, engine_problem=_said(engine) or "Docker's engine does not answer")
    compose = found.one("compose")
    containers, strangers = _containers(found, names)
    return replace(
        seen,
        engine=str(version),
        compose=_version(compose.text) if compose and not compose.failed else "",
        containers=containers,
        strangers=strangers,
        images=frozenset(_images(found)),
        ports=_ports(found),
        projects=frozenset(str(one["Project"]) for one in _rows(found, "listed") if one.get("Project")),
    )


def _version(text: str) -> str:
    """Return a version's number: some print v2.24.0, some a line around it."""
    number = re.search(r"\d+\.\d+(\.\d+)?", text)
    return number[0] if number else ""


def _said(failed: Section) -> str:
    """Return the last line of what a command that failed said, in which Docker tells why."""
    said = [line.strip() for line in failed.lines if line.strip() and not line.startswith("{")]
    return f"Docker says: {said[-1].rstrip('.')}" if said else ""


def _objects(section: Section | None) -> Iterator[Mapping[str, Any]]:
    for line in section.lines if section else ():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue


def _rows(found: Sections, name: str) -> Iterator[Mapping[str, Any]]:
    return _objects(found.one(name))


def _containers(found: Sections, names: Names) -> tuple[dict[str, Container], tuple[str, ...]]:
    """Return our containers by part, and the names of others in their place."""
    ours, strangers = {}, []
    parts = {names.container(part): part for part in PARTS}
    for raw in _rows(found, "containers"):
        name = str(raw.get("Name", "")).removeprefix("/")
        if name not in parts:
            continue
        if (raw.get("Labels") or {}).get(labels.DEPLOYMENT) == names.deployment:
            ours[parts[name]] = _container(name, raw)
        else:
            strangers.append(name)
    return ours, tuple(strangers)


def _container(name: str, raw: Mapping[str, Any]) -> Container:
    state, marks = raw.get("State") or {}, raw.get("Labels") or {}
    health = str((state.get("Health") or {}).get("Status", ""))
    return Container(
        name=name,
        state=str(state.get("Status", "")),
        health="" if health == "none" else health,
        image=str(raw.get("Image", "")),
        release=str(marks.get(labels.RELEASE, "")),
        secrets=str(marks.get(labels.SECRETS, "")),
        since=stamp(str(state.get("StartedAt", ""))),
        restarts=int(raw.get("RestartCount") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        ended=stamp(str(state.get("FinishedAt", ""))),
        raw=raw,
    )


def stamp(moment: str) -> str:
    """Return Docker's moment as ISO 8601 to the second, "" for one that has not come."""
    if not moment or moment.startswith(_NEVER):
        return ""
    return _NANOSECONDS.sub("", moment).replace("Z", "+00:00")


def _images(found: Sections) -> Iterator[str]:
    for row in _rows(found, "images"):
        yield str(row.get("ID", ""))
        repository, digest = row.get("Repository", NONE), row.get("Digest", NONE)
        if NONE not in (repository, digest) and digest:
            yield f"{repository}@{digest}"


def _ports(found: Sections) -> dict[int, str]:
    """Return the ports of the machine that running containers take, with the container's name."""
    taken: dict[int, str] = {}
    for row in _rows(found, "listed"):
        for first, last in _PUBLISHED.findall(str(row.get("Ports", ""))):
            for port in range(int(first), int(last or first) + 1):
                taken.setdefault(port, str(row.get("Names", "")))
    return taken


def release_of(seen: Seen, colour: Colour) -> str:
    """Return the id of the release that a colour runs or ran last: the container's own word goes before the link's."""
    container = seen.containers.get(colour)
    return (container.release if container else "") or seen.colours.get(colour, "")
