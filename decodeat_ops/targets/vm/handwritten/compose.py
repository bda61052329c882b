"""Find the mistakes of a Compose file written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.vm.handwritten.text import below, code
from decodeat_ops.targets.vm.place import Place

_IMAGE = re.compile(r"^\s*image:\s*['\"]?([^\s'\"]+)", re.MULTILINE)
_PORT = re.compile(r"^\s*-\s*['\"]?((?:[\d.]+:)?\d+(?:-\d+)?:\d+(?:-\d+)?(?:/\w+)?)['\"]?\s*$", re.MULTILINE)
_PROBE = re.compile(r"test:.*?\b(curl|wget)\b")
_UNGUARDED = re.compile(r"(\w*(?:KEY|SECRET|TOKEN|PASSWORD)\w*)\s*[=:]\s*['\"]?\$\{?\w+\}?['\"]?\s*$", re.MULTILINE)
_KEY_FILE = re.compile(r"^\s*-\s*['\"]?(\./\S*?\.(?:json|pem|key)):", re.MULTILINE)
_EDGE = re.compile(r"nginx|caddy|traefik|haproxy")


def defects(place: Place, text: str) -> Iterator[Defect]:
    """Yield what is wrong in a Compose file."""
    plain = code(text.replace("\t", "  "))
    for name, body in below(plain, "services"):
        yield from _service(place, name, body)
    if re.search(r"^version:", plain, re.MULTILINE):
        yield Defect(23, "version: is obsolete, and means the retired docker-compose", "Compose v2 without it")
    images = _IMAGE.findall(plain)
    floating = [one for one in images if "@sha256:" not in one and "$" not in one]
    if floating:
        yield Defect(
            22,
            f"{', '.join(dict.fromkeys(floating))}: the tag moves, and a restart may bring another version",
            "each image is named by its digest or its id",
        )
    if "read_only:" not in plain or "cap_drop:" not in plain:
        yield Defect(
            22,
            "no hardening: root file systems can be written, and containers keep every capability they start with",
            "every container is read-only, drops all capabilities, gains no privileges, and has limits",
        )
    if "max-size" not in plain:
        yield Defect(23, "logs are never rotated: they fill the disk", "the log driver is local, with rotation")


def _service(place: Place, name: str, body: str) -> Iterator[Defect]:
    ports = _PORT.findall(body)
    image = (_IMAGE.findall(body) or [name])[0]
    if ports and not _EDGE.search(image):
        if "redis" in image:
            yield Defect(
                12,
                f"{name} is published on every address ({ports[0]}), with no password",
                "Redis is reached in the deployment's own network alone, and publishes no port",
            )
        else:
            yield Defect(
                13,
                f"{name} publishes {', '.join(ports)}: it passes by the firewall, by TLS and by nginx's limits",
                "only nginx publishes ports; the service listens on a unix socket",
            )
    if probe := _PROBE.search(body):
        yield Defect(
            11,
            f"{name}'s health check calls {probe[1]}, which slim images don't have: it is never healthy",
            "the health check is `python -m decodeat.healthcheck`, with the image's own Python",
        )
    unguarded = _UNGUARDED.findall(body)
    if unguarded:
        yield Defect(
            14,
            f"{', '.join(unguarded)} may be empty: Compose reads .env alone, and only warns",
            "secrets are resolved before anything changes, and an empty one is refused",
        )
    for file in _KEY_FILE.findall(body):
        yield Defect(
            23,
            f"{file} is mounted as a file: where it is missing Docker makes a directory of its name",
            "keys come as secrets on standard input; directories are mounted, and made before",
        )
    if "depends_on" in body and "condition:" not in body:
        yield Defect(
            23,
            f"{name} waits for containers to start, not for them to be ready",
            "a release gets its clients when it says that it is ready",
        )
    if ("build:" in body or "WORKERS" in body) and "stop_grace_period" not in body:
        yield Defect(
            9,
            f"{name} has 10 s to stop, and a request may take longer: those under way are lost",
            "the grace is longer than the server's, which is longer than REQUEST_TIMEOUT",
        )
    if re.search(r"\bWORKERS\b", body) and "WEB_CONCURRENCY" not in body:
        yield Defect(
            17,
            "WORKERS is read by nobody: gunicorn reads WEB_CONCURRENCY, and -w in the image goes before both",
            "workers are counted by what the container may use",
        )
