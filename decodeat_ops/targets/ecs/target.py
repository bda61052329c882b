"""Answer for ECS how releases get into service and out of it."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from decodeat_ops.core.abilities import Scaling
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Aftermath, Candidate, Facts, Lack, Move, Origin, Removal, Steps
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.common import built
from decodeat_ops.targets.common.refusing import Refusals
from decodeat_ops.targets.ecs import (
    actions,
    autoscaling,
    bootstrap,
    candidate,
    changes,
    documents,
    identity,
    observing,
    removal,
    rights,
    scaling,
    secrets,
    steps,
    verifying,
)
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.ours import under_way
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.steps import Way
from decodeat_ops.targets.ecs.verifying import Verdict, variables


@dataclass(frozen=True)
class Ecs:
    """Run releases as tasks of one service on ECS with Fargate; each is a revision of its task definition."""

    here: Place
    secrets: Mapping[str, Secret]
    release_type: type[EcsRelease] = EcsRelease

    @property
    def name(self) -> str:
        return f"ecs, {self.here.names.place}"

    @property
    def place(self) -> str:
        return self.here.names.place

    @functools.cached_property
    def actions(self) -> Mapping[str, Do]:
        return actions.bound(self.here)

    def observe(self) -> EcsObserved:
        return observing.observe(self.here)

    def secrets_digest(self) -> str:
        return secrets.digest(self.here, self.secrets)

    def candidate(self) -> Candidate[EcsRelease]:
        return candidate.read(self.here, self.secrets_digest())

    def verify(self, release: EcsRelease, origin: Origin, observed: EcsObserved) -> Facts:
        place = self.here
        if origin.how != "built":
            release = replace(release, secrets=self.secrets_digest())  # it gets today's, whatever its record says
        verdict = verifying.problems(place, release, origin, observed)
        refusals = _refusals(release, verdict)
        refusals.ask(lambda: variables.problems(place, release, origin, self.secrets))
        refusals.ask(lambda: built.require_clean(place, origin))
        refusals.ask(lambda: candidate.look(place, origin))
        refusals.refuse()
        todays = (("always today's", f"{changes.TODAYS}, whichever release runs"),) if origin.how == "kept" else ()
        return (*self._facts(origin, observed, verdict), *todays)

    def _facts(self, origin: Origin, observed: EcsObserved, verdict: Verdict) -> Facts:
        return (
            *self.told(),
            *_taken_over(observed),
            *documents.told(self.here.loaded),
            *changes.facts(self.here, origin, observed),
            *(("not certain", doubt) for doubt in verdict.doubts),
        )

    @property
    def todays(self) -> str:
        return f"secrets, data, {changes.TODAYS}"

    def told(self) -> Facts:
        return identity.facts(self.here)

    def startable(self, release: EcsRelease, origin: Origin, observed: EcsObserved) -> Facts:
        verdict = verifying.startable(self.here, release, origin, observed)
        _refusals(release, verdict).refuse()
        return self._facts(origin, observed, verdict)

    def move(self, release: EcsRelease, origin: Origin | None, observed: EcsObserved) -> Move:
        """Return the way of a release into service; none for the active one that serves."""
        if origin is None and observed.active_id == release.id and observed.serving:
            return Move()
        if origin is not None and origin.how == "unpacked":
            raise Usage(
                "An archive can't be restored to ECS: what serves there is an image, and its data is a database.",
                hint="`decodeat-ops rollback` goes back to an earlier release; restore the database by its own means.",
            )
        source = origin or Origin("kept", of=observed.current)
        way = self._way(release, source, observed)
        service = observed.service
        busy = service is not None and (under_way(service) or way.service is None)
        return Move(
            prepare=(*candidate.image_steps(self.here, source), *self._registering(way, source)),
            clear=(steps.settle(way, supersede=origin is not None and origin.how == "kept"),) if busy else (),
            admit=(steps.update(way), steps.follow(way), steps.confirm(way)),
            retire=(steps.prune(way),) if origin is not None or way.superseded else (),
        )

    def _way(self, release: EcsRelease, source: Origin, observed: EcsObserved) -> Way:
        recorded = source.of
        registers = source.how != "kept" or recorded is None or recorded.secrets != release.secrets
        if source.how == "built":
            release = replace(release, image=release.image or built.image_there(self.here))
        superseded = ""
        if registers:
            superseded = release.task_definition if source.how == "kept" else ""
            release = replace(release, task_definition="")
        return Way(self.here.loaded, self.here.names, release, observed, registers, superseded)

    def _registering(self, way: Way, source: Origin) -> Steps:
        if not way.registers:
            return ()
        variables = rights.own_secrets(self.here)
        stored = (steps.secrets(self.here.names, variables, self._version()),) if variables else ()
        return (*stored, steps.register(way, source))

    def _version(self) -> str:
        """Return the version that today's values have in AWS. The salt beside them never changes: it is asked once."""
        remembered = self.here.remembered
        if "secrets version" not in remembered:
            remembered["secrets version"] = secrets.version(self.here, self.secrets)
        return str(remembered["secrets version"])

    def settle(self, release: EcsRelease) -> EcsRelease:
        return release

    def lacking(self, observed: EcsObserved) -> Lack:
        return Lack()

    def halt(self, observed: EcsObserved) -> Steps:
        """Return the steps that stop every task; none when none is to run and none does."""
        service = observed.service
        if service is None or (service.desired == 0 and service.running + service.pending == 0):
            return ()
        if service.desired:
            autoscaling.require_stoppable(self.here)
        names = self.here.names
        stop = (steps.halt(observed, service, names),) if service.desired else ()
        return (*stop, steps.wait_stopped(names, self.here.loaded, after_commit=bool(stop)))

    def after_deploy(self, results: Mapping[str, Mapping[str, Any]]) -> Aftermath:
        return Aftermath()

    def scale(self, observed: EcsObserved, count: int) -> Scaling:
        return scaling.scaling(self.here, observed, count)

    def bootstrap(self, observed: EcsObserved, mark: str) -> Plan | None:
        return bootstrap.plan(self.here, self.secrets, observed, mark)

    def remove(self, observed: EcsObserved, keep: frozenset[str]) -> Removal:
        return removal.removal(self.here, observed, keep)


def _refusals(release: EcsRelease, verdict: Verdict) -> Refusals:
    return Refusals(f"release {release.id}" if release.id else "a new release", list(verdict.problems))


def _taken_over(observed: EcsObserved) -> Facts:
    """Return the fact that a service of somebody else is taken over, which nobody should learn afterwards."""
    service = observed.service
    if service is None or service.created_by_us:
        return ()
    return (
        ("takes over", f"{service.arn}, which decodeat-ops has not made; `decodeat-ops remove` will never delete it"),
    )
