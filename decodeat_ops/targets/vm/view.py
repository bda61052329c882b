"""Look at a deployment on virtual machines."""

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops.core.abilities import Attached, Compared
from decodeat_ops.core.check import Check
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.ports import Completed, Endpoint, Http
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.view import Details, Log, Side
from decodeat_ops.deployment import credential, service_variables, source
from decodeat_ops.settings import envfile
from decodeat_ops.settings.secrets import resolve
from decodeat_ops.targets.vm import asking, checks, comparing, details, documents, entering, keeping, logs, observing
from decodeat_ops.targets.vm.asking import VmHttp
from decodeat_ops.targets.vm.certificates import report
from decodeat_ops.targets.vm.comparing import VARIABLES
from decodeat_ops.targets.vm.names import COLOURS, Colour
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.scripts import frame, reading
from decodeat_ops.targets.vm.scripts.quoting import export
from decodeat_ops.targets.vm.seen import release_of

ANSWER_SECONDS = 60.0  # in which the service's own code answers, the start of its container and Google included


@dataclass(frozen=True)
class VmView:
    """Look at what runs on the machines, over SSH and by the address that clients use.

    What one machine tells, the first one that answers tells.
    """

    place: Place
    secrets: Mapping[str, Secret]
    doctor: tuple[str, ...] = checks.DOCTOR
    doctor_asks: bool = False

    @functools.cached_property
    def http(self) -> Http:
        return VmHttp(self.place)

    @functools.cached_property
    def checks(self) -> Mapping[str, Check]:
        return checks.bound(self.place)

    @property
    def proves(self) -> Mapping[str, tuple[str, ...]]:
        """Return what the machines themselves say to the items of the checklists."""
        return checks.PROVES

    @property
    def salt(self) -> str:
        """Return the salt that the machines have, before the first deploy the one that they will get."""
        remembered = self.place.remembered
        if keeping.SALT not in remembered and (found := observing.first(self.place).salt):
            remembered[keeping.SALT] = found
        return keeping.salt(self.place)

    def current_id(self) -> str:
        seen = observing.first_serving(self.place)
        return seen.active_id or seen.stopped

    def active(self) -> VmRelease | None:
        seen = observing.first_serving(self.place)
        return observing.record(self.place.names, (), seen, seen.active_id)

    def release(self, name: str) -> VmRelease | None:
        seen = observing.first(self.place)
        if str(self.place.names.release(name) / "release.json") in seen.damaged:
            return observing.record(self.place.names, observing.seen(self.place), seen, name)
        return seen.released(name)

    def endpoint(self, release: VmRelease, side: Side) -> Endpoint | None:
        """Return where clients reach the first machine; or the release's own socket there, None while it has none."""
        seen = observing.first(self.place)
        if side == "public":
            return asking.public(self.place, seen.host, seen.certificate)
        colour = self._runs(seen, release)
        return asking.private(self.place, seen.host, colour) if colour else None

    def _runs(self, seen: Seen, release: VmRelease | None) -> Colour | None:
        """Return the colour that runs a release on a machine: where both do, the one that clients don't reach yet."""
        if release is None:
            return None
        there = [
            one for one in COLOURS
            if (container := seen.containers.get(one)) and container.up and release_of(seen, one) == release.id
        ]  # fmt: skip
        return min(there, key=lambda one: one == seen.active, default=None)

    def headers(self, release: VmRelease) -> Mapping[str, str] | None:
        return credential.of_variables(self.variables(release), self.secrets)

    def variables(self, release: VmRelease | None) -> Mapping[str, str]:
        """Return the plain variables: of a release on the machines from its own file, else from the settings."""
        text = self._files(release.id).get(VARIABLES) if release is not None and release.id else None
        if text is None:
            return documents.variables(self.place.loaded)
        return envfile.parse(text, VARIABLES)

    def service(self, release: VmRelease | None, *words: str, bare: bool = False) -> Completed | None:
        """Run it on the first machine, where the release's image is; what is `bare` here, while its code lies here."""
        if bare:
            package = self._package(release)
            if package is not None:
                secrets = {name: secret.reveal() for name, secret in self._secrets().items()}
                variables = service_variables.child(package, {**self.variables(release), **secrets})
                argv = (sys.executable, "-m", "decodeat", *words)
                return self.place.machine.run(argv, env=variables, cwd=package.parent, timeout=ANSWER_SECONDS)
        return self._there(release, words) if release is not None else None

    def _package(self, release: VmRelease | None) -> Path | None:
        """Return the package here when it is the release's own code; it has to be there for what is not made yet."""
        try:
            package = source.find(self.place.loaded)
        except Configuration:
            if release is None:
                raise
            return None
        return package if release is None or source.tree_digest(package) == release.code else None

    def _there(self, release: VmRelease, words: Sequence[str]) -> Completed | None:
        """Run it beside what runs, else in a container of its own; None where the image is not."""
        seen = observing.first(self.place)
        remote, colour = self.place.hosts[seen.host], self._runs(seen, release)
        if colour is not None:
            script, given = reading.inside(self.place.names.container(colour), words), ""
        else:
            script, given = reading.apart(self.place.names, release.id, release.image, words), export(self._given())
        answer = remote.run(script, given=given, timeout=ANSWER_SECONDS)
        if colour is None and answer.status == frame.MISSING:
            return None
        return Completed(("python", "-m", "decodeat", *words), answer.status, answer.stdout, answer.stderr)

    def _secrets(self) -> Mapping[str, Secret]:
        """Return the secrets resolved already, else resolve them, which refuses missing and empty ones."""
        wanted = self.place.loaded.settings.service.secrets
        return self.secrets if set(wanted) <= set(self.secrets) else resolve(self.place.loaded)

    def _given(self) -> Mapping[str, Secret]:
        """Return all secrets that a colour is started with."""
        return documents.of_service(self.place.loaded, self._secrets())

    def log(self, release: str, part: str = "") -> Log:
        return logs.find(self.place, release, part)

    def files(self, release: str) -> Mapping[str, str]:
        """Return what a deploy would lay out now, or what lies on the machine of a release."""
        if not release:
            return documents.files(self.place.loaded)
        found = self._files(release)
        if not found:
            raise Usage(f"There is no release {release}.", hint="`decodeat-ops releases` lists them.")
        return found

    def _files(self, release: str) -> Mapping[str, str]:
        return comparing.laid_out(self.place, release)

    def details(self, observed: VmObserved) -> Details:
        return details.details(self.place.loaded.settings.vm, observed)

    def certificates(self) -> Details:
        """Tell which certificate clients see on each machine, and whether it lasts."""
        return report.certificates(self.place)

    def compared(self, theirs: Mapping[str, str]) -> Compared:
        """Compare what a deploy would lay out with what serves, or with files written by hand."""
        return comparing.compared(self.place, self.current_id() if not theirs else "", theirs)

    def enter(self, words: Sequence[str], instance: str) -> Attached:
        """Return what runs a program in what clients reach on a machine, "" for the first one."""
        return entering.enter(self.place, words, instance)
