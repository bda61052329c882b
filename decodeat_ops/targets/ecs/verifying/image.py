"""Judge whether the image is where tasks pull it from, and made for their processors."""

from dataclasses import dataclass

from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.core.image import Reference
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.names import Registry, in_ecr
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.verifying.platform import BOOTSTRAP


@dataclass(frozen=True)
class _Pinned(Reference):
    """Name an image by its digest, which takes the tag's place."""

    def __str__(self) -> str:
        return self.at(self.tag)


_NO_REPOSITORY = frozenset({"RepositoryNotFoundException"})
_NO_IMAGE = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def judge(place: Place, release: EcsRelease, origin: Origin, findings: Findings) -> None:
    """Add a missing repository or image, and one for other processors, to the problems.

    What is built yet needs its repository alone; a release that served before, its image.
    """
    ready = release.image or place.loaded.settings.ecs.image
    registry = in_ecr(_repository_of(ready or place.names.repository))
    if registry is not None and registry.region != place.aws.region:
        registry = None  # ECR answers in its own region alone
    if not ready:
        _repository(place, registry, findings)
    elif registry is not None and origin.how != "built" and _digest(ready):
        _kept(place, registry, ready, release.id, findings)
    else:
        _elsewhere(place, ready, findings)


def _repository(place: Place, registry: Registry | None, findings: Findings) -> None:
    if registry is None:
        return
    repository = place.names.repository
    asked = {"registryId": registry.account, "repositoryNames": [repository.partition("/")[2]]}
    findings.look(
        f"the repository {repository}",
        lambda: place.aws.call("ecr", "DescribeRepositories", **asked),
        _NO_REPOSITORY,
        f"there is no repository {repository}" + (f"; {BOOTSTRAP}" if place.names.of_ours else ""),
    )


def _kept(place: Place, registry: Registry, image: str, release: str, findings: Findings) -> None:
    """Ask ECR alone: the image ran here before, so that it is made for the right processors."""
    asked = {"registryId": registry.account, "repositoryName": _repository_of(image).partition("/")[2]}
    findings.look(
        f"the image {image}",
        lambda: place.aws.call("ecr", "DescribeImages", imageIds=[{"imageDigest": _digest(image)}], **asked),
        _NO_IMAGE,
        f"the image of release {release} is no longer in the registry: {image}",
    )


def _elsewhere(place: Place, image: str, findings: Findings) -> None:
    platform = place.loaded.settings.image.platform
    try:
        found = place.images().remote(_reference(image))
    except (Unreachable, Configuration) as error:
        findings.doubt(f"the image {image} could not be looked at: {error.advice.what.rstrip('.')}")
        return
    if found is None:
        findings.problem(f"there is no image {image}")
    elif not found.runs_on(platform):
        made = ", ".join(sorted(found.platforms))
        findings.problem(f"the image {image} is made for {made}, and image.platform is {platform}")


def _repository_of(image: str) -> str:
    """Return an image's name without digest; a tag stays, which changes nothing for where it is."""
    return image.partition("@")[0]


def _digest(image: str) -> str:
    return image.partition("@")[2]


def _reference(image: str) -> Reference:
    repository, at, digest = image.partition("@")
    if at:
        return _Pinned(repository, digest)
    repository, _, tag = image.rpartition(":")
    return Reference(repository, tag)
