"""An engine in memory that pushes into the registry of the account that is played."""

from dataclasses import dataclass

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.image import Reference, RemoteImage, Report
from tests.servers.aws.fake import Aws
from tests.support.images import MemoryImages


@dataclass
class EcrImages(MemoryImages):
    """Build as the strict engine of other tests does; what it pushes is found by the tasks of the account."""

    account: Aws | None = None

    @property
    def fake(self) -> Aws:
        assert self.account is not None
        return self.account

    def remote(self, reference: Reference) -> RemoteImage | None:
        self.registry.open()
        repository = self.fake.registry.repositories.get(self._name(reference))
        image = repository.find(reference.digest or reference.tag) if repository else None
        return RemoteImage(image.digest, frozenset(image.platforms)) if image else None

    def push(self, reference: Reference, report: Report) -> str:
        self.registry.open()
        if not self.has(reference):
            raise StepFailed(f"the engine has no {reference}")
        name = self._name(reference)
        if name not in self.fake.registry.repositories:
            raise StepFailed(f"The repository with name '{name}' does not exist")
        assert self.remote(reference) is None, "it would be sent for nothing"
        report("1 of 2 layers are there", 10, 20, "bytes")
        self.did.append("push")
        platform = self.there[str(reference)].recipe.platform
        return self.fake.registry.push(name, str(reference), platform, tag=reference.tag).partition("@")[2]

    def _name(self, reference: Reference) -> str:
        host, _, name = reference.repository.partition("/")
        assert host == self.fake.registry.host, f"{host} is not the account's registry"
        return name
