"""Plan a restore: the archive's release with the archive's data, by the same steps as a deploy."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from decodeat_ops.archive import PARTS, Manifest
from decodeat_ops.core.check import NO_GATES, Gates
from decodeat_ops.core.data import Data
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import NO_DATA, Migration
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Facts, O, Observed, Origin, Target
from decodeat_ops.operations import migrate
from decodeat_ops.operations.moving import ordered

# Settings stay as they are unless the operator asks for them: an old key must not come back by surprise.
USUAL = ("release", "database", "logs")


@dataclass(frozen=True)
class Wanted:
    """Describe a restore: the archive, its parts, and their result. `release` is None when nothing is started.

    `original` is the release on disk that is copied when the archive's own isn't wanted. `before` names the
    pre-restore snapshot ("" on an empty machine). `passed` says which newer archives were skipped, and why.
    `settings` says where each archived file of settings goes, where they are restored.
    """

    archive: str
    manifest: Manifest
    parts: tuple[str, ...]
    release: Release | None
    original: Release | None
    before: str
    passed: tuple[str, ...] = ()
    migration: Migration = NO_DATA
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Brought:
    """Name the parts that a restore brings back, what its archive lacks, and which newer ones were skipped and why."""

    parts: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()


def brought(plan: Plan) -> Brought:
    """Return what a planned restore brings back; journals of earlier versions say it in the words of their facts."""
    about = next(step.do.params for step in plan.steps if step.id == "unpack")
    if "parts" in about:
        return Brought(tuple(about["parts"]), tuple(about["lacks"]), tuple(about["passed"]))
    words = dict(plan.facts)
    lacks, passed = (tuple(filter(None, (words.get(name),))) for name in ("archive lacks", "passed over"))
    return Brought((words["brings back"],), lacks, passed)


def choose_parts(only: Sequence[str], manifest: Manifest) -> tuple[str, ...]:
    """Return the parts to restore: those of `only`, else the `USUAL` ones that the archive holds.

    Raises `Usage` for a part that doesn't exist or that the archive doesn't hold.
    """
    for part in only:
        if part not in PARTS:
            near = difflib.get_close_matches(part, PARTS, n=1, cutoff=0.3)
            raise Usage(
                f"There is no part {part!r} of an archive.",
                hint=(f"Did you mean {near[0]}? " if near else "") + f"Parts are {', '.join(PARTS)}.",
            )
        if not manifest.parts.get(part):
            raise Usage(
                f"The archive {manifest.snapshot} holds nothing of the part {part}.",
                hint="It holds: " + ", ".join(p for p in PARTS if manifest.parts.get(p)) + ".",
            )
    return tuple(dict.fromkeys(only)) or tuple(p for p in USUAL if manifest.parts.get(p))


def staged(snapshot: str) -> str:
    """Return the name of the directory below staging/ into which an archive is unpacked."""
    return f"restore-{snapshot}"


def plan(
    wanted: Wanted, observed: O, target: Target[Any, O], data: Data[Any], deployment: str, gates: Gates = NO_GATES
) -> Plan:
    """Return the plan of a restore, which begins with a backup of what serves."""
    manifest = wanted.manifest
    place = staged(manifest.snapshot)
    made: list[Step] = [_unpack(wanted, place)]
    if wanted.before and observed.current is not None:
        made += data.save(observed.current, wanted.before, prefix="before-")
    if "settings" in wanted.parts:
        made.append(_settings(wanted, place))
    if "logs" in wanted.parts:
        made.append(_logs(manifest, place))
    if wanted.release is not None:
        made += _release(wanted, wanted.release, observed, target, data, gates)
    made.append(
        Step(
            id="clean",
            title="Remove what was unpacked",
            do=Action("restore-clean", {"place": place}),
            preview=(f"staging/{place}",),
            after_commit=True,
        )
    )
    return Plan(
        verb="restore",
        deployment=deployment,
        subject=manifest.snapshot,
        steps=tuple(made),
        facts=_facts(wanted, observed),
        serves_now=observed.active_id,
    )


def _unpack(wanted: Wanted, place: str) -> Step:
    manifest = wanted.manifest
    about = {"parts": list(wanted.parts), "lacks": list(manifest.partial), "passed": list(wanted.passed)}
    return Step(
        id="unpack",
        title="Unpack and check the archive",
        do=Action("restore-unpack", {"archive": wanted.archive, "place": place, "manifest": manifest.digest, **about}),
        undo=Action("restore-clean", {"place": place}),
        preview=(f"{len(manifest.entries())} files, every checksum, the database's integrity",),
    )


def _settings(wanted: Wanted, place: str) -> Step:
    snapshot = wanted.manifest.snapshot
    return Step(
        id="settings",
        title="Put the settings back",
        do=Action("restore-settings", {"place": place, "files": dict(wanted.settings), "snapshot": snapshot}),
        undo=Action("unrestore-settings", {"place": place}),
        preview=tuple(
            f"{target}; what is there now becomes {Path(target).name}.before-{snapshot}"
            for target in wanted.settings.values()
        ),
    )


def _logs(manifest: Manifest, place: str) -> Step:
    return Step(
        id="logs",
        title="Put the logs beside today's",
        do=Action("restore-logs", {"place": place, "snapshot": manifest.snapshot}),
        undo=Action("unrestore-logs", {"snapshot": manifest.snapshot}),
        preview=(f"logs/restored-{manifest.snapshot}",),
    )


def _release(
    wanted: Wanted, release: Release, observed: O, target: Target[Any, O], data: Data[Any], gates: Gates
) -> list[Step]:
    manifest = wanted.manifest
    serving = observed.current.data if observed.current else ""
    made: list[Step] = []
    if "database" in wanted.parts:
        made += data.lay_out(release, staged(manifest.snapshot), serving)
    original = wanted.original.id if wanted.original else f"{manifest.release['id']} from the archive"
    origin = Origin(
        "unpacked",
        Path(staged(manifest.snapshot)),
        wanted.original,
        f"code and configuration of {original}",
        laid_out="database" in wanted.parts,
    )
    move = target.move(release, origin, observed)
    migration = migrate.plan(release, wanted.migration, observed, data)
    made += ordered(move, release.id, replace(gates, before=()), migration)
    if "database" in wanted.parts and serving:
        made += data.carry(release, observed.active, serving, wanted.before)
    return made


def _facts(wanted: Wanted, observed: Observed[Any]) -> Facts:
    manifest = wanted.manifest
    until = "; it goes on until the restored release has proven itself" if wanted.release else ""
    serves = f"{observed.active.id}{until}" if observed.active else "nothing"
    return (
        ("archive", f"{manifest.snapshot} of {manifest.deployment}, made {manifest.created_at}"),
        ("brings back", ", ".join(wanted.parts)),
        ("serves now", serves),
        ("backed up before", wanted.before or "nothing: nothing is deployed here"),
        *((("archive lacks", "; ".join(manifest.partial)),) if manifest.partial else ()),
        *((("passed over", "; ".join(wanted.passed)),) if wanted.passed else ()),
    )
