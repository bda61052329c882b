"""Look at a deployment on ECS."""

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decodeat_ops.core.abilities import Attached, Compared
from decodeat_ops.core.check import Check
from decodeat_ops.core.ports import Completed, Endpoint, Http
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.view import Details, Log, Side
from decodeat_ops.deployment import credential, inputs, service_variables, source
from decodeat_ops.settings.secrets import resolve
from decodeat_ops.targets.ecs import checks, comparing, details, documents, endpoint, exec, logs
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.observing import records, service_state
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.revisions import id_of, recorded, revision

ANSWER_SECONDS = 30.0  # in which the service's own code answers, Google's time included
ACCESS = frozenset({"API_KEYS", "JWT_SECRET"})  # with one of them a request needs a credential


@dataclass(frozen=True)
class EcsView:
    """Look at what a service on ECS runs, through AWS's API and the address that clients use."""

    place: Place
    secrets: Mapping[str, Secret]
    doctor: tuple[str, ...] = checks.DOCTOR
    doctor_asks: bool = False

    @property
    def http(self) -> Http:
        return self.place.http

    @functools.cached_property
    def checks(self) -> Mapping[str, Check]:
        return checks.bound(self.place)

    @property
    def proves(self) -> Mapping[str, tuple[str, ...]]:
        """Return what ECS itself says to the items of the checklists."""
        return checks.PROVES

    @property
    def salt(self) -> str:
        return inputs.salt(self.place.layout)

    def current_id(self) -> str:
        service = service_state(self.place)
        return id_of(self.place, service.task_definition) if service and service.task_definition else ""

    def active(self) -> EcsRelease | None:
        service = service_state(self.place)
        return recorded(self.place, service.task_definition) if service and service.desired > 0 else None

    def release(self, name: str) -> EcsRelease | None:
        return next((one for one in records(self.place) if one.id == name), None)

    def endpoint(self, release: EcsRelease, side: Side) -> Endpoint | None:
        """Return where clients reach the service. No task has an address that clients don't use."""
        return endpoint.public(self.place, release.task_definition) if side == "public" else None

    def headers(self, release: EcsRelease) -> Mapping[str, str] | None:
        """Return the headers for a request; None also where the key stays in Secrets Manager."""
        stays = self.place.loaded.settings.service.references("aws-secretsmanager")
        return None if ACCESS & set(stays) else credential.of_variables(self.variables(release), self.secrets)

    def variables(self, release: EcsRelease | None) -> Mapping[str, str]:
        """Return the plain variables: of a registered release from its task definition, else from the settings."""
        if release is None or not release.task_definition:
            return documents.variables(self.place.loaded)
        container = revision(self.place, release.task_definition).container(self.place.names.container)
        return {one["name"]: one["value"] for one in container.get("environment", ())}

    def service(self, release: EcsRelease | None, *words: str, bare: bool = False) -> Completed | None:
        """Run it with the Python of this tool, which only what is `bare` can do, while the release's code lies here.

        A release of other code is in its image alone, so that None is returned.
        """
        package = source.find(self.place.loaded)
        if not bare or (release is not None and source.tree_digest(package) != release.code):
            return None
        secrets = {name: secret.reveal() for name, secret in self._secrets().items()}
        variables = service_variables.child(package, {**self.variables(release), **secrets})
        argv = (sys.executable, "-m", "decodeat", *words)
        return self.place.host.run(argv, env=variables, cwd=package.parent, timeout=ANSWER_SECONDS)

    def _secrets(self) -> Mapping[str, Secret]:
        """Return the secrets resolved already, else resolve them, which refuses missing and empty ones."""
        service = self.place.loaded.settings.service
        wanted = {*service.references("env"), *service.references("file")}
        return self.secrets if wanted <= set(self.secrets) else resolve(self.place.loaded)

    def log(self, release: str, part: str = "") -> Log:
        return logs.find(self.place, release, part)

    def files(self, release: str) -> Mapping[str, str]:
        """Return both documents; of a release as they are registered now, with ECS's defaults filled in."""
        return comparing.running(self.place, release) if release else documents.files(self.place)

    def details(self, observed: EcsObserved) -> Details:
        return details.details(self.place, observed)

    def compared(self, theirs: Mapping[str, str]) -> Compared:
        """Compare a deploy's documents with those that run, or with files written by hand."""
        return comparing.compared(self.place, self.current_id() if not theirs else "", theirs)

    def enter(self, words: Sequence[str], instance: str) -> Attached:
        """Return what runs a program in a task, "" for the newest one."""
        return exec.enter(self.place, words, instance)
