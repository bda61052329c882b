"""Answer for this machine how releases get into service and out of it."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.outcome import Lines
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Aftermath, Candidate, Facts, Lack, Move, Origin, Removal, Steps
from decodeat_ops.deployment import ports, service_variables, source, space
from decodeat_ops.deployment.configured import Configured, difference, digests, of_release
from decodeat_ops.deployment.inputs import environment_path, salt, secrets_digest
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.observed import LocalObserved, observe
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.service_variables import Judged
from decodeat_ops.deployment.source import LOCK_NAME
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.local import actions, boot, configuration, removal, steps
from decodeat_ops.targets.local.boot import Boot

SOCKET = "its private socket"


@dataclass(frozen=True)
class Local:
    """Run releases on this machine: processes that a supervisor keeps, one of which takes the traffic.

    `judged` is what the service's own code said of its variables: the plan that is made again under the lock asks about
    the same code and the same values.
    """

    machine: Machine
    secrets: Mapping[str, Secret]
    boot: Boot
    name: str = "local, this machine"
    release_type: type[LocalRelease] = LocalRelease
    judged: dict[tuple[str, str], Judged] = field(default_factory=dict, compare=False, repr=False)

    @property
    def place(self) -> str:
        return str(self.machine.layout.root)

    @functools.cached_property
    def actions(self) -> Mapping[str, Do]:
        return actions.bound(self.machine)

    def observe(self) -> LocalObserved:
        return observe(self.machine.store)

    def secrets_digest(self) -> str:
        return secrets_digest(self.secrets, self.machine.layout)

    def candidate(self) -> Candidate[LocalRelease]:
        loaded = self.machine.loaded
        found, local = source.read(loaded), loaded.settings.local
        release = LocalRelease(
            id="",
            fingerprint=configuration.fingerprint(found, loaded),
            code=found.code,
            lock=found.lock,
            secrets=self.secrets_digest(),
            revision="",
            created_at="",
            created_by="",
            origin="",
            data="",
            host=local.host,
            port=local.port,
        )
        return Candidate(release, Origin("built", found.package), (("listens on", f"{local.host}:{local.port}"),))

    def verify(self, release: LocalRelease, origin: Origin, observed: LocalObserved) -> Facts:
        machine, grain = self.machine, salt(self.machine.layout)
        secret: frozenset[str] = frozenset()
        package = origin.package
        if package is not None:
            judged = self._judge(release, package)
            service_variables.refuse(judged)
            after, secret = configuration.configured(machine.loaded, self.secrets, grain), judged.secret
        else:
            after = of_release(machine.layout, release.id, grain)
            after = replace(after, secrets=digests(self.secrets, grain))
        _require_port(observed, release.host, release.port)
        if package is not None:
            _require_room(machine, package, release.lock)
        return self._differs(observed, after, secret)

    def _judge(self, release: LocalRelease, package: Path) -> Judged:
        known = release.fingerprint, release.secrets
        if known not in self.judged:
            loaded = self.machine.loaded
            plain = configuration.variables(loaded)
            self.judged[known] = service_variables.judge(self.machine.host, package, loaded, plain, self.secrets)
        return self.judged[known]

    def _differs(self, observed: LocalObserved, after: Configured, secret: frozenset[str]) -> Facts:
        if observed.active is None:
            return ()
        layout = self.machine.layout
        return difference(of_release(layout, observed.active.id, salt(layout)), after, secret)

    def move(self, release: LocalRelease, origin: Origin | None, observed: LocalObserved) -> Move:
        """Return the way of a release into service; of one that is active already, the way back to serving."""
        if origin is None and observed.active_id == release.id:
            return self._revive(release, observed)
        settings = self.machine.loaded.settings
        recorded = origin.of if origin is not None and origin.how == "kept" else None
        # One that still drains takes the traffic again as it runs, if its secrets are today's. Otherwise it has to end
        # first and is started anew.
        call_back = recorded is not None and recorded.secrets == release.secrets
        others = sorted(observed.draining - ({release.id} if call_back else set()))
        supervise = steps.supervise(observed)
        # Without a working supervisor, waiting for draining releases is possible only after starting one.
        early = bool(others) and not observed.supervisor.alive
        old = observed.active_id
        built = origin is not None and origin.package is not None
        return Move(
            prepare=self._prepare(release, origin),
            clear=((supervise,) if early else ()) + ((steps.wait(others),) if others else ()),
            start=(
                *(() if early else (supervise,)),
                steps.start(release, called_back=call_back and release.id in observed.draining),
                steps.probe(release, settings),
            ),
            admit=(steps.switch(release, old), steps.confirm(release)),
            retire=(
                *((steps.drain_old(old),) if old and old != release.id else ()),
                steps.prune(replace(release, data=recorded.data) if recorded else release, observed, settings),
                *((boot.step(self.machine.loaded, self.boot),) if built and self.boot.systemd else ()),
            ),
            private=SOCKET,
        )

    def _revive(self, release: LocalRelease, observed: LocalObserved) -> Move:
        if observed.serving and not observed.supervisor.older:
            return Move()
        # Still wanted: once a supervisor works, it starts again by itself. One that runs on keeps the secrets it has.
        start = () if release.id in observed.running else (steps.start(release),)
        return Move(
            start=(steps.supervise(observed), *start, steps.probe(release, self.machine.loaded.settings)),
            admit=(steps.confirm(release),),
            private=SOCKET,
        )

    def _prepare(self, release: LocalRelease, origin: Origin | None) -> Steps:
        if origin is None:
            return ()
        layout = self.machine.layout
        if origin.how == "kept":
            code = layout.code(release.id) / "decodeat"
            recorded = origin.of.data if origin.of else release.data
            return (steps.environment(release, code / LOCK_NAME), steps.share_data(release, recorded))
        if origin.package is not None:
            return (steps.environment(release, origin.package / LOCK_NAME), steps.stage(release, origin.package))
        place = layout.release(origin.of.id) if origin.of else layout.staging / (origin.place or "") / "release"
        lock_file = place / "code" / "decodeat" / LOCK_NAME
        return (steps.environment(release, lock_file), steps.stage_copy(release, origin, place))

    def settle(self, release: LocalRelease) -> LocalRelease:
        local = self.machine.loaded.settings.local
        return replace(release, host=local.host, port=local.port)

    def lacking(self, observed: LocalObserved) -> Lack:
        if not self.boot.systemd or not boot.missing(self.machine, self.boot):
            return Lack()
        return Lack((boot.step(self.machine.loaded, self.boot),), "it would not start after a reboot")

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

    def after_deploy(self, results: Mapping[str, Mapping[str, Any]]) -> Aftermath:
        """Return the crontab line that is needed where no systemd unit starts it after a reboot, and what is lost."""
        loaded = self.machine.loaded
        done = results.get("boot")
        problem = str(done["problem"]) if done else ""
        line = "" if done is not None and not problem else boot.cron_line(loaded)
        block = Lines((line,), title="To have it back after a reboot, add to your crontab", language="crontab")
        return Aftermath(
            blocks=(block,) if line else (),
            told={"after_reboot": line},
            warnings=(
                *((f"After a reboot it does not come back by itself: {problem}.",) if problem else ()),
                *(
                    f"After a reboot it can't start: the secret {name} is known to this shell alone; put it into "
                    f"{loaded.path(loaded.settings.service.env_file)} (mode 0600)."
                    for name in boot.lost_secrets(loaded, os.environ)
                ),
            ),
        )

    def remove(self, observed: LocalObserved, keep: frozenset[str]) -> Removal:
        return removal.removal(self.machine, self.boot, observed, keep)


def _require_port(observed: LocalObserved, host: str, port: int) -> None:
    """Refuse an address that another program uses, before anything is built for it. Raises `Configuration`.

    Releases that run without a supervisor still hold their own address; they are adopted.
    """
    running = observed.supervisor
    if ports.address(host, port) in running.listening or (observed.current and not running.alive):
        return
    problem = ports.taken(host, port)
    if problem:
        raise Configuration(
            f"The service can't listen on {ports.address(host, port)}: {problem}.",
            hint="Stop the program that listens there, or set local.port to a free one; `decodeat-ops doctor` looks.",
            where="local.port",
        )


def _require_room(machine: Machine, package: Path, lock: str) -> None:
    size = sum(path.stat().st_size for path in source.files(package))
    space.require(machine.layout.root, 2 * size, "A release")
    if not environment_path(machine.environments, lock).exists():
        space.require(machine.environments, space.ENVIRONMENT, "The Python environment of the service")
