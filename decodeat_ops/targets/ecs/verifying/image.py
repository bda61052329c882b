"""Judge whether the image is where tasks pull it from, and made for their processors."""

from decodeat_ops.core.errors import Configuration, Unreachable
from decodeat_ops.core.image import Reference
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.names import Registry, in_ecr
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.verifying.platform import BOOTSTRAP

_NO_REPOSITORY = frozenset({"RepositoryNotFoundException"})
_NO_IMAGE = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def judge(place: Place, release: EcsRelease, origin: Origin, findings: Findings) -> None:
    """Add a missing repository or image, and one for other processors, to the problems.

    What is built yet needs its repository alone; a release that served before, its image.
    """
    ready = release.image or place.loaded.settings.ecs.image
    image = Reference.parse(ready) if ready else Reference(place.names.repository, "")
    registry = in_ecr(image.repository)
    if registry is not None and registry.region != place.aws.region:
        registry = None  # ECR answers in its own region alone
    if not ready:
        _repository(place, registry, findings)
    elif registry is not None and origin.how != "built" and image.digest:
        _kept(place, registry, image, release.id, findings)
    else:
        _elsewhere(place, image, findings)


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


def _kept(place: Place, registry: Registry, image: Reference, release: str, findings: Findings) -> None:
    """Ask ECR alone: the image ran here before, so that it is made for the right processors."""
    asked = {"registryId": registry.account, "repositoryName": image.repository.partition("/")[2]}
    findings.look(
        f"the image {image}",
        lambda: place.aws.call("ecr", "DescribeImages", imageIds=[{"imageDigest": image.digest}], **asked),
        _NO_IMAGE,
        f"the image of release {release} is no longer in the registry: {image}",
    )


def _elsewhere(place: Place, image: Reference, findings: Findings) -> None:
    platform = place.loaded.settings.image.platform
    try:
        found = place.images().remote(image)
    except (Unreachable, Configuration) as error:
        findings.doubt(f"the image {image} could not be looked at: {error.advice.what.rstrip('.')}")
        return
    if found is None:
        findings.problem(f"there is no image {image}")
    elif not found.runs_on(platform):
        made = ", ".join(sorted(found.platforms))
        findings.problem(f"the image {image} is made for {made}, and image.platform is {platform}")
