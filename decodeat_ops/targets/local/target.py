"""Answer for this machine how releases get into service and out of it; pure."""

from dataclasses import dataclass, replace

from decodeat_ops.core.layout import Layout
from decodeat_ops.core.migration import Migration
from decodeat_ops.core.plan import Step
from decodeat_ops.core.target import Move, Origin, Steps
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.source import LOCK_NAME
from decodeat_ops.settings.schema import Settings
from decodeat_ops.targets.local import steps

SOCKET = "its private socket"


@dataclass(frozen=True)
class Local:
    """Run releases on this machine: processes that a supervisor keeps, one of which takes the traffic."""

    settings: Settings
    layout: Layout
    name: str = "local, this machine"

    def move(self, release: LocalRelease, origin: Origin | None, observed: LocalObserved) -> Move:
        """Return the way of a release into service; of one that is active already, the way back to serving."""
        if origin is None and observed.active_id == release.id:
            return self._revive(release, observed)
        recorded = origin.of if origin is not None and origin.how == "kept" else None
        # One that still drains takes the traffic again as it runs, if its secrets are today's. Otherwise it has to end
        # first and is started anew.
        call_back = recorded is not None and recorded.secrets == release.secrets
        others = sorted(observed.draining - ({release.id} if call_back else set()))
        supervise = steps.supervise(observed)
        # Without a working supervisor, waiting for draining releases is possible only after starting one.
        early = bool(others) and not observed.supervisor.alive
        old = observed.active_id
        return Move(
            prepare=self._prepare(release, origin),
            clear=((supervise,) if early else ()) + ((steps.wait(others),) if others else ()),
            start=(
                *(() if early else (supervise,)),
                steps.start(release, called_back=call_back and release.id in observed.draining),
                steps.probe(release, self.settings),
            ),
            admit=(steps.switch(release, old), steps.confirm(release)),
            retire=(
                *((steps.drain_old(old),) if old and old != release.id else ()),
                steps.prune(replace(release, data=recorded.data) if recorded else release, observed, self.settings),
            ),
            private=SOCKET,
        )

    def _revive(self, release: LocalRelease, observed: LocalObserved) -> Move:
        if observed.serving and not observed.supervisor.older:
            return Move()
        # Still wanted: once a supervisor works, it starts again by itself. One that runs on keeps the secrets it has.
        start = () if release.id in observed.running else (steps.start(release),)
        return Move(
            start=(steps.supervise(observed), *start, steps.probe(release, self.settings)),
            admit=(steps.confirm(release),),
            private=SOCKET,
        )

    def _prepare(self, release: LocalRelease, origin: Origin | None) -> Steps:
        if origin is None:
            return ()
        if origin.how == "kept":
            code = self.layout.code(release.id) / "decodeat"
            recorded = origin.of.data if origin.of else release.data
            return (steps.environment(release, code / LOCK_NAME), steps.share_data(release, recorded))
        if origin.place is None:
            raise ValueError(f"a release that is {origin.how} has an origin with a place")
        if origin.how == "built":
            return (steps.environment(release, origin.place / LOCK_NAME), steps.stage(release, origin.place))
        lock_file = origin.place / "code" / "decodeat" / LOCK_NAME
        return (steps.environment(release, lock_file), steps.stage_copy(release, origin))

    def migrate(self, release: LocalRelease, migration: Migration) -> Step:
        return steps.migrate(release, migration)

    def lay_out(self, release: LocalRelease, place: str, serving: str) -> Steps:
        return (steps.lay_out(release, place, serving),)

    def carry(self, release: LocalRelease, observed: LocalObserved, snapshot: str) -> Steps:
        """Return the steps that copy results out of the old data, once the release that serves it has ended."""
        serving = observed.current.data if observed.current else ""
        ended = (steps.wait_stopped([observed.active.id], after_commit=True),) if observed.active else ()
        return (*ended, steps.carry(serving, release.data, snapshot))

    def halt(self, observed: LocalObserved) -> Steps:
        """Return the steps that finish what runs; after a stop, of processes that still run without a supervisor."""
        active = observed.active
        if active is None and not observed.running:
            return ()
        # Only a working supervisor can stop running releases.
        adopt = () if observed.supervisor.alive else (steps.supervise(observed),)
        if active is None:
            running = sorted(observed.running)
            return (*adopt, steps.drain(running), steps.wait_stopped(running, after_commit=True))
        running = sorted({active.id, *observed.draining, *observed.running})
        return (
            *adopt,
            steps.stop_traffic(active, [active.id]),
            steps.drain([active.id]),
            steps.wait_stopped(running, after_commit=True),
        )
