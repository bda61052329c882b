"""Plan a restore: the archive's release with the archive's data, by the same steps as a deploy."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decodeat_ops.archive import PARTS, Manifest
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.release import Release
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.schema import NO_DATA, Migration
from decodeat_ops.deployment.source import LOCK_NAME
from decodeat_ops.operations import backup, migrate
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local import steps

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


def plan(wanted: Wanted, observed: Observed, loaded: Loaded, gates: steps.Gates, layout: Layout) -> Plan:
    manifest = wanted.manifest
    place = staged(manifest.snapshot)
    made: list[Step] = [_unpack(wanted, place)]
    if wanted.before and observed.current is not None:
        made += backup.steps(wanted.before, observed.current, prefix="before-")
    if "settings" in wanted.parts:
        made.append(_settings(wanted, place))
    if "logs" in wanted.parts:
        made.append(_logs(manifest, place))
    if wanted.release is not None:
        made += _release(wanted, wanted.release, observed, loaded, gates, layout)
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
        deployment=loaded.deployment,
        subject=manifest.snapshot,
        steps=tuple(made),
        facts=_facts(wanted, observed),
        serves_now=observed.active_id,
    )


def _unpack(wanted: Wanted, place: str) -> Step:
    return Step(
        id="unpack",
        title="Unpack and check the archive",
        do=Action("restore-unpack", {"archive": wanted.archive, "place": place, "manifest": wanted.manifest.digest}),
        undo=Action("restore-clean", {"place": place}),
        preview=(f"{len(wanted.manifest.entries())} files, every checksum, the database's integrity",),
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
    wanted: Wanted, release: Release, observed: Observed, loaded: Loaded, gates: steps.Gates, layout: Layout
) -> list[Step]:
    place = staged(wanted.manifest.snapshot)
    made: list[Step] = []
    serving = observed.current.data if observed.current else ""
    data = migrate.plan(release, release.data, wanted.migration, observed)
    if "database" in wanted.parts:
        made.append(
            Step(
                id="data",
                title="Lay out the archived data as a new generation",
                do=Action("restore-data", {"place": place, "data": release.data}),
                undo=Action("unrestore-data", {"data": release.data, "place": place, "to": serving}),
                preview=(f"data/{release.data}; what serves now keeps its own",),
            )
        )
    if wanted.original is not None:
        origin = layout.release(wanted.original.id)
        what = f"code and configuration of {wanted.original.id}"
    else:
        origin = layout.staging / place / "release"
        what = f"code and configuration of {wanted.manifest.release['id']} from the archive"
    lock_file = origin / "code" / "decodeat" / LOCK_NAME
    made += [
        Step(
            id="environment",
            title="Python environment for the service's dependencies",
            do=Action("environment", {"lock": release.lock, "lock_file": str(lock_file)}),
            undo=Action("drop-environment", {"lock": release.lock}),
            preview=(f"pip install --require-hashes (lock {release.lock[:12]}), unless it is there",),
        ),
        Step(
            id="stage",
            title=f"Lay out release {release.id}",
            do=Action("stage-copy", {"release": release.as_json(), "directory": str(origin)}),
            undo=Action("unstage", {"release": release.as_json(), "laid_out": "database" in wanted.parts}),
            preview=(what,),
        ),
        *steps.going_live(release, observed, loaded.settings, gates, data=data),
    ]
    if "database" in wanted.parts and serving:
        made += _answered_meanwhile(wanted, release, observed, serving)
    return made


def _answered_meanwhile(wanted: Wanted, release: Release, observed: Observed, serving: str) -> list[Step]:
    """Return the steps that copy results stored since the backup out of the old data, once its release has ended."""
    made = []
    if observed.active is not None:
        made.append(steps.wait_stopped([observed.active.id], after_commit=True))
    made.append(
        Step(
            id="carry",
            title="Carry over what was answered meanwhile",
            do=Action("carry-results", {"from": serving, "to": release.data, "snapshot": wanted.before}),
            produces=("rows",),
            preview=(f"results in data/{serving} that {wanted.before} does not have go to data/{release.data}",),
            after_commit=True,
        )
    )
    return made


def _facts(wanted: Wanted, observed: Observed) -> tuple[tuple[str, str], ...]:
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
