"""Find the mistakes of a deploy script written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.place import Place

_SET = re.compile(r"^\s*(?:export\s+|local\s+|readonly\s+)*(\w+)=", re.MULTILINE)
_USED = re.compile(r"\$\{?(\w+)(:\?|:-|-)?")
_REGION = re.compile(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov)-[a-z]+-\d\b")
_UPDATES = re.compile(r"aws\s+ecs\s+update-service")
_PIPED_LOGIN = re.compile(r"\|\s*docker\s+login")
_BUILD = re.compile(r"^\s*docker\s+(?:buildx\s+)?build\b.*$", re.MULTILINE)


def defects(place: Place, text: str) -> Iterator[Defect]:
    """Yield what is wrong in a script; its comments are left out."""
    code = "\n".join(line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    yield from _rollout(code)
    yield from _pipe(code)
    yield from _places(place, code)
    yield from _build(place, code)


def _rollout(code: str) -> Iterator[Defect]:
    if not _UPDATES.search(code):
        return
    lacks = []
    if "register-task-definition" not in code:
        lacks.append("it never registers the task definition, so that no change of it takes effect")
    if ":latest" in code:
        lacks.append("it pushes over the tag latest, so that the old release is gone")
    if not re.search(r"aws\s+ecs\s+wait\b|describe-services", code):
        lacks.append("it never waits, and reports success whatever becomes of the deployment")
    if "ircuitBreaker" not in code:
        lacks.append("no circuit breaker ends a deployment that fails")
    if lacks:
        yield Defect(
            28,
            "; ".join(lacks),
            "a deploy registers a revision of its own, follows that deployment to its end, with circuit breaker and "
            "rollback, and asks clients' address which release answers",
        )


def _pipe(code: str) -> Iterator[Defect]:
    safe = re.search(r"set\s+(-\w+\s+)*-?\w*o\s+pipefail", code)
    if _PIPED_LOGIN.search(code) and not safe:
        yield Defect(
            29,
            "without pipefail a login to ECR that fails is not noticed in the pipe to `docker login`",
            "the login is a call of its own for each push; its failure ends the step, and what was begun is undone",
        )


def _places(place: Place, code: str) -> Iterator[Defect]:
    known = set(_SET.findall(code))
    used = {name for name, guard in _USED.findall(code) if not guard and name.isupper() and not name.isdigit()}
    loose = sorted(used - known)
    if loose:
        yield Defect(
            30,
            f"{', '.join(loose)} must be set by whoever runs it, and nothing looks whether it is",
            "account and region are settings; other credentials than that account's are refused",
        )
    others = sorted(set(_REGION.findall(code)) - {place.names.region})
    if others:
        yield Defect(
            30,
            f"its region is {', '.join(others)}, whatever the task definition says",
            f"everything is in ecs.region, {place.names.region}",
        )


def _build(place: Place, code: str) -> Iterator[Defect]:
    builds = _BUILD.findall(code)
    if any("--platform" not in one for one in builds):
        platform = place.loaded.settings.image.platform
        yield Defect(
            24,
            "the image is built for the processor of whoever runs it, not for the task's",
            f"it is built for image.platform, {platform}, which the task definition names too "
            f"({documents.architecture(platform)})",
        )
    if builds and (":latest" in code or any(not _tagged(one) for one in builds)):
        yield Defect(
            22,
            "the image has the floating tag latest, and nothing records what is in it",
            "its tag is made of code and lock, its labels say version and revision, and it runs by its digest",
        )


def _tagged(build: str) -> bool:
    """Return whether a build gives its image a tag of its own."""
    name = re.search(r"(?:-t|--tag)[\s=]+(\S+)", build)
    return bool(name and re.search(r":(?!latest\b)[^/\s]+$", name[1]))
