"""Remove a deployment, for the command line; the removal's own journal and lock are deleted last."""

import contextlib
from collections.abc import Mapping

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment import claims, files
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.observed import Observed, observe
from decodeat_ops.deployment.snapshots import snapshots
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.journal import unfinished
from decodeat_ops.engine.lock import held
from decodeat_ops.operations.lifecycle import Beside
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring.corridor import Change, Finish, carry_out
from decodeat_ops.wiring.opening import open_tools
from decodeat_ops.wiring.targets import actions


def remove(loaded: Loaded, change: Change, *, delete_data: bool = False, delete_backups: bool = False) -> Outcome:
    """Stop and delete a deployment; data and backups stay unless `delete_data`, `delete_backups`."""
    from decodeat_ops.operations import lifecycle
    from decodeat_ops.targets.local import boot

    tools = open_tools(loaded, secrets={})

    def derive() -> Plan | Outcome:
        observed = observe(tools.store)
        root = tools.layout.root
        present = tuple(sorted(p.name for p in root.iterdir())) if root.is_dir() else ()
        where = boot.look()
        kept = {tools.layout.journals.name, tools.layout.lock.name}
        kept |= set() if delete_data else {tools.layout.data.name, tools.layout.format_file.name}
        kept |= set() if delete_backups else {tools.layout.backups.name}
        if not set(present) - kept and not observed.supervisor.alive and not observed.running:
            if not change.dry_run:
                _leave(tools.layout)
            return Outcome("remove", "0 changed: there is nothing to remove.", data={"state": str(root)})
        return lifecycle.plan_remove(
            observed,
            loaded,
            tools.layout,
            delete_data=delete_data,
            delete_backups=delete_backups,
            present=present,
            beside=_beside(tools, observed),
            unboot=boot.undo_step(loaded, where) if where.unit(loaded).exists() else None,
            inputs="",
        )

    return carry_out(tools, "remove", derive, change, actions(), removed(tools.layout, "remove"))


def removed(layout: Layout, verb: str) -> Finish:
    """Return the function that ends a removal, also a resumed one, and makes its outcome."""

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        stays = dict(plan.facts).get("stays", "nothing")
        _leave(layout)
        return Outcome(verb, f"Removed. What stays: {stays}.", changed=1, data={"state": plan.subject, "stays": stays})

    return finish


def _leave(layout: Layout) -> None:
    """Delete the removal's own journal and lock. They are last, since they record what is under way."""
    if not layout.root.is_dir():
        return
    with contextlib.suppress(Locked), held(layout.lock, "remove"):  # Locked: another command works here by now
        if unfinished(layout.journals) is not None:
            return
        files.discard(layout.journals)
        layout.lock.unlink(missing_ok=True)
        if not any(layout.root.iterdir()):
            layout.root.rmdir()


def _beside(tools: Tools, observed: Observed) -> Beside:
    """Return what a deployment has outside its state directory: environments, settings, secrets, archives."""
    loaded, place, root = tools.loaded, tools.environments, tools.layout.root
    claimed = claims.claimed(place, root)
    unused = [name for name in claimed if claims.unused(place, name, root)]
    used = {*claimed, *(environment_path(place, release.lock).name for release in observed.releases)} - {*unused}
    paths = [*loaded.files, loaded.path(loaded.settings.service.env_file)]
    if tools.backups != tools.layout.backups and snapshots(tools.backups):
        paths.append(tools.backups)
    return Beside(
        unused=tuple(str(place / name) for name in unused),
        shared=tuple(str(place / name) for name in sorted(used) if (place / name).exists()),
        stays=tuple(str(path) for path in paths if path.exists()),
    )
