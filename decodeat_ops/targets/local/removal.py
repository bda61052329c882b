"""Answer for this machine what a removal deletes and what stays; pure."""

from dataclasses import dataclass

from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Facts, Steps
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.targets.local import steps


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
class Removal:
    """Describe what the operator wants removed, and what is there: names in the state directory, and paths beside it.

    Data and backups stay unless `delete_data`, `delete_backups`. `unboot` takes back the start after a reboot.
    """

    layout: Layout
    present: tuple[str, ...]
    delete_data: bool = False
    delete_backups: bool = False
    beside: Beside = NOTHING_BESIDE
    unboot: Step | None = None

    @property
    def _in_use(self) -> frozenset[str]:
        """Return the names that are in use until the very end."""
        return frozenset({self.layout.journals.name, self.layout.lock.name})

    @property
    def _kept(self) -> frozenset[str]:
        return self._in_use | {
            *(() if self.delete_data else (self.layout.data.name, self.layout.format_file.name)),
            *(() if self.delete_backups else (self.layout.backups.name,)),
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
                Action("remove-state", {"names": self._doomed}),
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
        stays = [str(root / name) for name in sorted((self._kept - self._in_use) & set(self.present))]
        return (
            ("deletes", f"in {root}: {', '.join(going)}"),
            *((("deletes too", ", ".join(beside.unused)),) if beside.unused else ()),
            ("stays", ", ".join((*stays, *beside.shared, *beside.stays)) or "nothing"),
        )
