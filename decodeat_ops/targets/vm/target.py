"""Answer for virtual machines how releases get into service and out of it."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from decodeat_ops.core.abilities import Certifying, Install, Issue, Joining, Renew
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.firewall import Wall
from decodeat_ops.core.plan import Plan, Step
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Aftermath, Candidate, Facts, Lack, Move, Origin, Removal, Steps
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.common.refusing import Refusals
from decodeat_ops.targets.vm import (
    actions,
    bootstrap,
    candidate,
    documents,
    firewall,
    images,
    joining,
    keeping,
    observing,
    removal,
    retention,
    steps,
    verifying,
)
from decodeat_ops.targets.vm.certificates import planning
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.way import Way, drain_seconds, outside_maintenance, shown, sound, stands

SELF_SIGNED = "Clients can't check the certificate: it is self-signed, so that nginx could start."


@dataclass(frozen=True)
class Vm:
    """Run releases as containers of two colours behind nginx, on machines that are reached over SSH."""

    here: Place
    secrets: Mapping[str, Secret]
    release_type: type[VmRelease] = VmRelease

    @property
    def name(self) -> str:
        return f"vm, {self.place}"

    @property
    def place(self) -> str:
        return f"{self.here.names.root} on {shown(list(self.here.hosts))}"

    @functools.cached_property
    def actions(self) -> Mapping[str, Do]:
        return actions.bound(self.here)

    def observe(self) -> VmObserved:
        found = observing.observe(self.here)
        salt = next((one.salt for one in found.hosts if one.salt), "")
        if salt:
            self.here.remembered[keeping.SALT] = salt
        return found

    def secrets_digest(self) -> str:
        """Return the SHA-256 in hex over every variable with its value's salted digest, passwords of stores included.

        The salt is the machines'; without one yet, the one that they will get.
        """
        if keeping.SALT not in self.here.remembered:
            known = observing.first(self.here).salt
            if known:
                self.here.remembered[keeping.SALT] = known
        salt, loaded = keeping.salt(self.here), self.here.loaded
        values = {**documents.of_edge(loaded), **documents.of_service(loaded, self.secrets)}
        lines = sorted(f"{name}={secret.digest(salt)}" for name, secret in values.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def candidate(self) -> Candidate[VmRelease]:
        return candidate.read(self.here, self.secrets_digest())

    def verify(self, release: VmRelease, origin: Origin, observed: VmObserved) -> Facts:
        refusals = _refusals(release, verifying.problems(self.here, release, origin, observed))
        refusals.ask(lambda: verifying.variables(self.here, release, origin, self.secrets))
        refusals.ask(lambda: verifying.clean(self.here, origin))
        refusals.ask(lambda: candidate.look(self.here, origin))
        refusals.refuse()
        return (*self.told(), *verifying.facts(self.here, origin, observed))

    @property
    def todays(self) -> str:
        return "secrets, data and certificate"

    def told(self) -> Facts:
        vm = self.here.loaded.settings.vm
        machines = ", ".join(f"{name} ({remote.address})" for name, remote in self.here.hosts.items())
        names = ", ".join(vm.domains) or "any name"
        return (("machines", machines), ("clients use", f"{names}, port {vm.https_port}"))

    def startable(self, release: VmRelease, origin: Origin, observed: VmObserved) -> Facts:
        _refusals(release, verifying.startable(self.here, release, origin, observed)).refuse()
        return (*self.told(), *verifying.facts(self.here, origin, observed))

    def move(self, release: VmRelease, origin: Origin | None, observed: VmObserved) -> Move:
        """Return the way of a release into service on every machine; none for the active one that serves."""
        if origin is None and observed.active_id == release.id and observed.serving and self._stands(observed):
            return Move()
        if origin is not None and origin.how == "unpacked":
            raise Usage(
                "An archive can't be restored to machines over SSH: what serves there is an image.",
                hint="`decodeat-ops rollback` goes back to an earlier release; restore the database by its own means.",
            )
        source = origin or Origin("kept", of=observed.current)
        way = self._way(release, source, observed, again=origin is None)
        doomed = retention.beyond_retention(way.release, observed, self.here.loaded.settings.vm.keep_releases)
        return Move(
            prepare=(*self._image(way), *((steps.files(way),) if source.how != "kept" else ())),
            clear=(
                *((steps.drained(way),) if way.busy else ()),
                *((steps.edge(way),) if way.edged else ()),
            ),
            start=(steps.start(way),) if way.hosts else (),
            admit=(*self._closed(outside_maintenance(observed)), *steps.admit(way)),
            retire=(steps.retire(way), *((steps.prune(way, doomed),) if origin is not None else ())),
            private="its own socket on the first machine",
        )

    def _closed(self, seen: Sequence[Seen]) -> Steps:
        """Return the step after which nginx of these machines answers clients 503; none where there are none."""
        return (steps.maintenance(seen, self.here.names, on=True),) if seen else ()

    def _stands(self, observed: VmObserved) -> bool:
        return all(stands(one, self.here.loaded.settings.vm) for one in observed.hosts)

    def _way(self, release: VmRelease, source: Origin, observed: VmObserved, *, again: bool) -> Way:
        if source.how == "built":
            files = documents.files(self.here.loaded)
            beside = hashlib.sha256(files["edge/compose.yaml"].encode()).hexdigest()[:12]
            image = release.image or candidate.image_there(self.here)
            release = replace(release, image=image, edge=documents.generation(files), beside=beside)
        if source.how == "copied":
            release = replace(release, served=False)
        return Way(self.here.loaded, self.here.names, release, observed, source, again)

    def _image(self, way: Way) -> Steps:
        """Return the steps that bring the image to the machines; none for one that is kept and is everywhere."""
        lacking = [one for one in way.hosts if way.release.image not in one.images]
        if way.origin.how != "built" and not lacking:
            return ()
        bring = images.step(self.here, way.release, way.origin, way.hosts)
        return (*candidate.image_steps(self.here, way.origin), bring)

    def settle(self, release: VmRelease) -> VmRelease:
        return release

    def lacking(self, observed: VmObserved) -> Lack:
        """Return what brings back what stands beside a release, and the end of a change that was cut off.

        That one's release serves everywhere, and the old colour has not been told to finish.
        """
        active = observed.active
        if active is None:
            return Lack()
        found, says = list[Step](), list[str]()
        if not self._stands(observed):
            found.append(steps.edge(self._way(active, Origin("kept", of=active), observed, again=True)))
            says.append("what stands beside the release does not run everywhere, and is started")
        if any(_unrecorded(one, active) for one in observed.hosts):
            news = {one.host: one.active for one in observed.hosts if one.active}
            found.append(steps.retire_to(replace(active, served=True), observed, news))
            says.append("an earlier change was cut off: its release is recorded as serving, and the old one ends")
        return Lack(tuple(found), "; ".join(says))

    def halt(self, observed: VmObserved) -> Steps:
        """Return the steps that let clients reach nothing and end what runs; none when nothing does."""
        stop = (steps.halt(observed),) if any(one.active for one in observed.hosts) else ()
        if not stop and not observed.running:
            return ()
        limit = drain_seconds(self.here.loaded)
        return (*stop, steps.wait_stopped(observed, limit, after_commit=bool(stop)))

    def maintain(self, observed: VmObserved, *, on: bool) -> Steps:
        """Return the step that lets nginx answer clients 503, or the release again; none where it does already."""
        if observed.current is None:
            raise Usage("Nothing is deployed here.", hint="Run `decodeat-ops deploy` first.")
        if all(one.maintenance is on for one in observed.hosts):
            return ()
        return (steps.maintenance(observed.hosts, self.here.names, on=on),)

    def survey(self) -> VmObserved:
        return observing.survey(self.here)

    def prune(self, observed: VmObserved) -> Steps:
        """Return the step that deletes what the machines have beyond retention; none where there is nothing."""
        current, keep = observed.current, self.here.loaded.settings.vm.keep_releases
        doomed = retention.beyond_retention(current, observed, keep) if current else {}
        if current is None or not any(one.releases or one.images for one in doomed.values()):
            return ()
        way = Way(self.here.loaded, self.here.names, current, observed, Origin("kept", of=current))
        return (replace(steps.prune(way, doomed), after_commit=False),)

    def join(self, observed: VmObserved, host: str) -> Joining:
        release, wanted = joining.served(self.here, observed, host), self.candidate()
        joining.require_same(wanted.release, release, host)
        alone = joining.alone(observed, release, host)
        if sound(alone.hosts[0], release) and self._stands(alone):
            return Joining(release)
        origin = joining.origin(wanted.origin, release, alone)
        refusals = _refusals(release, verifying.problems(self.here, release, origin, alone))
        if origin.how == "built":
            refusals.ask(lambda: tuple(verifying.image(self.here, release, alone)))
        refusals.refuse()
        fresh = replace(release, served=False) if origin.how == "built" else release
        way = Way(self.here.loaded, self.here.names, fresh, alone, origin)
        closed = self._closed(outside_maintenance(observed, host))
        told = (*self.told(), *joining.facts(release, host), *verifying.maintained(observed, host))
        return Joining(release, joining.way_of(self.here, way, closed), told)

    def bootstrap(self, observed: VmObserved, mark: str) -> Plan | None:
        return bootstrap.plan(self.here, mark, observed.serves_now)

    def firewall(self, observed: VmObserved, mark: str, seconds: int) -> Plan | None:
        return firewall.plan(self.here, mark, seconds, observed.serves_now)

    def walls(self) -> tuple[Wall, ...]:
        return firewall.walls(self.here)

    def certify(self, observed: VmObserved, wish: Issue | Renew | Install) -> Certifying:
        """Return the steps to a certificate: of an authority, renewed, or one that somebody brings."""
        return planning.certify(self.here, wish)

    def after_deploy(self, results: Mapping[str, Mapping[str, Any]]) -> Aftermath:
        return Aftermath()

    def remove(self, observed: VmObserved, keep: frozenset[str]) -> Removal:
        return removal.removal(self.here, observed, keep, self.halt(observed))


def _unrecorded(seen: Seen, active: VmRelease) -> bool:
    there = seen.released(active.id)
    return seen.active_id == active.id and there is not None and not there.served


def _refusals(release: VmRelease, problems: tuple[str, ...]) -> Refusals:
    return Refusals(f"release {release.id}" if release.id else "a new release", list(problems))
