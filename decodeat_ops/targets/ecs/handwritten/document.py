"""Find the mistakes of a task definition written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.place import Place

DEFAULT_STOP = 30  # seconds that Fargate gives a container without stopTimeout
_ARN = re.compile(r"arn:[a-z-]+:(?P<service>[a-z-]+):(?P<region>[^:]*):(?P<account>[^:]*):.+")
_ECR = re.compile(r"(?P<account>[^./]+)\.dkr\.ecr\.(?P<region>[^.]+)\.amazonaws\.com")
_ACCOUNT, _REGION = re.compile(r"\d{12}|"), re.compile(r"[a-z]{2}(-[a-z]+)+-\d|")
_PROBES = re.compile(r"\b(curl|wget)\b")
_KEY_FILE, _KEY = "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CREDENTIALS_JSON"


def defects(place: Place, told: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield what is wrong in a task definition."""
    yield from _places(place, told)
    if not told.get("runtimePlatform", {}).get("cpuArchitecture"):
        yield Defect(
            24,
            "no cpuArchitecture: an image built on an arm64 machine is started on X86_64, and ends at once",
            f"runtimePlatform says {documents.architecture(place.loaded.settings.image.platform)}, the image is built "
            "for it, and a deploy refuses an image of another one",
        )
    for container in told["containerDefinitions"]:
        yield from _container(place, told, container)


def _container(place: Place, told: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[Defect]:
    yield from _image(str(container.get("image", "")))
    health = " ".join(map(str, (container.get("healthCheck") or {}).get("command", ())))
    if probe := _PROBES.search(health):
        yield Defect(
            11,
            f"the health check calls {probe[1]}, which slim images don't have: no task ever becomes healthy",
            "the health check is `python -m decodeat.healthcheck`, with the image's own Python",
        )
    if not container.get("readonlyRootFilesystem"):
        yield Defect(
            22,
            "no hardening: the root file system can be written, and the container keeps every capability",
            "the root file system is read-only, capabilities are dropped, and the image runs as user 10001",
        )
    stop, ours = int(container.get("stopTimeout", DEFAULT_STOP)), documents.stop_timeout(place.loaded)
    if stop < ours:
        yield Defect(
            9,
            f"a task that stops has {stop} s, and a request may take longer: those under way are lost",
            f"stopTimeout is {ours} s, longer than REQUEST_TIMEOUT",
        )
    yield from _google(place, told, container)


def _image(image: str) -> Iterator[Defect]:
    if "@sha256:" in image:
        return
    tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else "latest"
    yield Defect(
        28,
        f"the image is the tag {tag}, which is pushed over: two tasks may run different code, and none goes back to it",
        "each release is a revision of its own, and its image is named by digest",
    )
    if tag == "latest":
        yield Defect(22, "the tag latest does not say what runs", "the tag is made of code and lock, and never moves")


def _google(place: Place, told: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[Defect]:
    plain = {one["name"]: one.get("value", "") for one in container.get("environment", ())}
    secret = {one["name"] for one in container.get("secrets", ())}
    if plain.get(_KEY_FILE) and not told.get("volumes"):
        yield Defect(
            10,
            f"{_KEY_FILE} names {plain[_KEY_FILE]}, and no volume brings it: the key lies in a layer of the image",
            f"no key is in the image: {_KEY} comes from Secrets Manager when a task starts. Revoke that key",
        )
    if plain.get(_KEY):
        yield Defect(
            10,
            f"{_KEY} stands in plain text: whoever may describe the task definition reads the key, for ever",
            "it is a secret: refused there, and kept in Secrets Manager under [service.secrets]. Revoke that key",
        )
    if not {_KEY_FILE, _KEY} & (plain.keys() | secret):
        yield Defect(
            30,
            "no Google credentials: a task on Fargate has neither a key file nor Google's own metadata server",
            _identified(place),
        )


def _identified(place: Place) -> str:
    """Return how a service of ours calls Google on Fargate."""
    service = place.loaded.settings.service
    if _KEY in service.secrets:
        return f"{_KEY} comes from Secrets Manager when a task starts, by valueFrom: no file, and no key in the image"
    how = f"{_KEY} under [service.secrets], which a task gets from Secrets Manager when it starts"
    reads = service.environment.get("READER", "auto")
    if reads in {"auto", "embedded"}:
        return f"the service reads labels without Google; Cloud Vision takes {how}"
    return f"READER={reads} takes {how}"


def _places(place: Place, told: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield placeholders instead of accounts and regions, and regions that are not one."""
    names, placeholders, regions = place.names, [], {}
    for path, text in _texts(told, ""):
        for found in (*_ARN.finditer(text), *_ECR.finditer(text)):
            if not _ACCOUNT.fullmatch(found["account"]) or not _REGION.fullmatch(found["region"]):
                placeholders.append(path)
            elif found["region"]:
                regions[path] = found["region"]
        if path.endswith("awslogs-region") and text:
            regions[path] = text
    if placeholders:
        yield Defect(
            30,
            f"placeholders where an account or a region belongs: {', '.join(dict.fromkeys(placeholders))}",
            f"all are of account {names.account} in {names.region}, and each is looked up before anything changes",
        )
    others = {path: region for path, region in regions.items() if region != names.region}
    if others:
        yield Defect(
            30,
            f"regions are mixed: {', '.join(f'{path} is {region}' for path, region in others.items())}",
            f"everything is in ecs.region, {names.region}",
        )


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every text with where it is; an item of a list is called by its name where it has one."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _texts(below, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            label = one.get("name", number) if isinstance(one, Mapping) else number
            yield from _texts(one, f"{path}.{label}")
    elif isinstance(value, str):
        yield path, value
