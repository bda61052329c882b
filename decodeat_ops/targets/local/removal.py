"""Answer for this machine what a removal deletes and what stays."""

from dataclasses import dataclass

from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Facts, Removal, Steps
from decodeat_ops.deployment import claims
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.deployment.snapshots import snapshots
from decodeat_ops.targets.local import boot, steps
from decodeat_ops.targets.local.boot import Boot


def removal(machine: Machine, where: Boot, observed: LocalObserved, keep: frozenset[str]) -> Removal:
    """Return the removal of a deployment from this machine, without steps when nothing is there and nothing runs."""
    layout, loaded = machine.layout, machine.loaded
    present = tuple(sorted(path.name for path in layout.root.iterdir())) if layout.root.is_dir() else ()
    unboot = boot.undo_step(loaded, where) if where.unit(loaded).exists() else None
    scope = Scope(layout, present, keep, _beside(machine, observed), unboot)
    if scope.pointless and not observed.supervisor.alive and not observed.running:
        return Removal()
    return Removal(scope.steps(observed), scope.facts())


def _beside(machine: Machine, observed: LocalObserved) -> "Beside":
    """Return what a deployment has outside its state directory: environments, settings, secrets, archives."""
    loaded, place, root = machine.loaded, machine.environments, machine.layout.root
    claimed = claims.claimed(place, root)
    unused = [name for name in claimed if claims.unused(place, name, root)]
    used = {*claimed, *(environment_path(place, release.lock).name for release in observed.releases)} - {*unused}
    paths = [*loaded.files, loaded.path(loaded.settings.service.env_file)]
    if machine.archives != machine.layout.backups and snapshots(machine.archives):
        paths.append(machine.archives)
    return Beside(
        unused=tuple(str(place / name) for name in unused),
        shared=tuple(str(place / name) for name in sorted(used) if (place / name).exists()),
        stays=tuple(str(path) for path in paths if path.exists()),
    )


@dataclass(frozen=True)
class Beside:
    """List a deployment's paths outside its state directory.

    `unused` are Python environments that no other deployment uses, `shared` those that others (may) use, and `stays`
    is what a removal never touches.
    """

    unused: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()


NOTHING_BESIDE = Beside()


@dataclass(frozen=True)
class Scope:
    """Describe what is removed: all names in the state directory but those that `keep` stands for, and what is beside.

    `keep` holds "data", "backups" or both. `unboot` takes back the start after a reboot.
    """

    layout: Layout
    present: tuple[str, ...]
    keep: frozenset[str] = frozenset({"data", "backups"})
    beside: Beside = NOTHING_BESIDE
    unboot: Step | None = None

    @property
    def _in_use(self) -> frozenset[str]:
        """Return the names that are in use until the very end."""
        return frozenset({self.layout.journals.name, self.layout.lock.name})

    @property
    def _kept(self) -> frozenset[str]:
        return self._in_use | {
            *((self.layout.data.name, self.layout.format_file.name) if "data" in self.keep else ()),
            *((self.layout.backups.name,) if "backups" in self.keep else ()),
        }

    @property
    def _doomed(self) -> list[str]:
        # Stopping makes the link `stopped`, which is not there yet. It is deleted first: it points to what is deleted
        # next.
        stopped = self.layout.stopped.name
        return [stopped, *sorted(name for name in self.present if name not in {*self._kept, stopped})]

    @property
    def pointless(self) -> bool:
        """Return whether nothing is there that would be deleted."""
        return not set(self.present) - self._kept

    def steps(self, observed: LocalObserved) -> Steps:
        """Return the steps that stop what runs and delete what is to go."""
        active = observed.active
        leftovers = active or observed.draining or observed.running or observed.supervisor.stuck
        # Only a working supervisor can stop running releases.
        adopts = (steps.supervise(observed),) if leftovers and not observed.supervisor.alive else ()
        wanted: list[Step] = [*adopts]
        if active is not None:
            wanted += [steps.stop_traffic(active, [active.id]), steps.drain([active.id])]
        running = sorted({*observed.draining, *observed.running, *((active.id,) if active else ())})
        if running:
            wanted.append(steps.wait_stopped(running))
        if observed.supervisor.alive or adopts:
            wanted.append(Step("unsupervise", "Stop the supervisor", Action("unsupervise"), undo=Action("supervise")))
        if self.unboot is not None:
            wanted.append(self.unboot)
        wanted.append(
            Step(
                "remove-state",
                "Delete what it left on disk",
                Action("remove-state", {"names": self._doomed, "stays": self.stays}),
                produces=("stays",),
                preview=tuple(str(self.layout.root / name) for name in self._doomed),
                after_commit=True,
            )
        )
        if self.beside.unused or self.beside.shared:
            wanted.append(
                Step(
                    "leave-environments",
                    "Leave the Python environments; those that nobody else uses go",
                    Action("leave-environments"),
                    preview=self.beside.unused or ("all are used by others",),
                    after_commit=True,
                )
            )
        return tuple(wanted)

    def facts(self) -> Facts:
        """Return what the plan says of what goes and what stays."""
        root, beside = self.layout.root, self.beside
        going = sorted(set(self.present) & {*self._doomed, *self._in_use})
        return (
            ("deletes", f"in {root}: {', '.join(going)}"),
            *((("deletes too", ", ".join(beside.unused)),) if beside.unused else ()),
            ("stays", self.stays),
        )

    @property
    def stays(self) -> str:
        """Return the paths that are left, for people."""
        kept = [str(self.layout.root / name) for name in sorted((self._kept - self._in_use) & set(self.present))]
        return ", ".join((*kept, *self.beside.shared, *self.beside.stays)) or "nothing"
