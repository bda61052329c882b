"""Look at a deployment on this machine."""

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from decodeat_ops.core.check import Check
from decodeat_ops.core.ports import Completed, Endpoint, Http
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.view import Details, Side
from decodeat_ops.deployment import credential, inputs, service_variables
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.settings import envfile
from decodeat_ops.settings.secrets import resolve
from decodeat_ops.supervisor.unit import Unit
from decodeat_ops.targets.local import checks, code, configuration, details, logs
from decodeat_ops.targets.local.logs import Log

ANSWER_SECONDS = 30.0  # in which the service's own code answers, Google's time included


@dataclass(frozen=True)
class LocalView:
    """Look at what a supervisor runs on this machine, through sockets, ports and files."""

    machine: Machine
    secrets: Mapping[str, Secret]
    doctor: tuple[str, ...] = checks.DOCTOR
    doctor_asks: bool = True

    @property
    def http(self) -> Http:
        return self.machine.http

    @functools.cached_property
    def checks(self) -> Mapping[str, Check]:
        return checks.checks(self.machine)

    @property
    def proves(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    @property
    def salt(self) -> str:
        return inputs.salt(self.machine.layout)

    def current_id(self) -> str:
        store = self.machine.store
        return store.active_id() or store.stopped_id()

    def active(self) -> LocalRelease | None:
        return self.machine.store.active()

    def release(self, name: str) -> LocalRelease | None:
        return self.machine.store.get(name)

    def endpoint(self, release: LocalRelease, side: Side) -> Endpoint | None:
        store = self.machine.store
        return store.private(release.id) if side == "private" else store.public(release)

    def headers(self, release: LocalRelease) -> Mapping[str, str] | None:
        return credential.headers(self.machine.layout, release.id, self.secrets)

    def variables(self, release: LocalRelease | None) -> Mapping[str, str]:
        """Return the plain variables: of a staged release from its own files, before that from the settings."""
        if release is None:
            return configuration.variables(self.machine.loaded)
        layout = self.machine.layout
        return {**Unit.load(layout.unit(release.id)).env, **envfile.read(layout.environment(release.id))}

    def service(self, release: LocalRelease | None, *words: str, bare: bool = False) -> Completed | None:
        """Run it with its own Python; until that is built, what is `bare` with the Python of this tool."""
        package = code.package(self.machine, release)
        python = code.python(self.machine, code.lock(package)) or (sys.executable if bare else None)
        if python is None:
            return None
        secrets = {name: secret.reveal() for name, secret in self._secrets().items()}
        variables = service_variables.child(package, {**self.variables(release), **secrets})
        argv = (str(python), "-m", "decodeat", *words)
        return self.machine.host.run(argv, env=variables, cwd=package.parent, timeout=ANSWER_SECONDS)

    def _secrets(self) -> Mapping[str, Secret]:
        """Return the secrets resolved already, else resolve them, which refuses missing and empty ones."""
        wanted = self.machine.loaded.settings.service.secrets
        return self.secrets if set(wanted) <= set(self.secrets) else resolve(self.machine.loaded)

    def log(self, release: str, part: str = "") -> Log:
        return logs.find(self.machine, release, part)

    def files(self, release: str) -> Mapping[str, str]:
        if not release:
            return configuration.files(self.machine.loaded)
        place = self.machine.layout.release(release)
        paths = [place / "service.env", *(path for path in (place / "config").glob("*") if path.is_file())]
        found = {str(path.relative_to(place)): path for path in paths if path.is_file()}
        return {name: path.read_text(encoding="utf-8") for name, path in found.items()}

    def details(self, observed: LocalObserved) -> Details:
        return details.details(observed)
