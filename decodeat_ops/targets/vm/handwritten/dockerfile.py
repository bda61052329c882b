"""Find the mistakes of a Dockerfile written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.vm.handwritten.text import code
from decodeat_ops.targets.vm.place import Place

_KEY = re.compile(r"^\s*(?:COPY|ADD)\s+.*?(\S*(?:key|credential|secret)\S*\.(?:json|pem|p12))", re.I | re.M)
_FROM = re.compile(r"^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)", re.IGNORECASE | re.MULTILINE)
_HEALTH = re.compile(r"^\s*HEALTHCHECK.*\b(curl|wget)\b", re.IGNORECASE | re.MULTILINE)
_START = re.compile(r"--start-period=(\d+)s")
_WORKERS = re.compile(r'"-w",|-w\s*\d|--workers')


def defects(place: Place, text: str) -> Iterator[Defect]:
    """Yield what is wrong in a Dockerfile."""
    plain = code(text, joined=True)
    bases = _FROM.findall(plain)
    for key in _KEY.findall(plain):
        yield Defect(
            10,
            f"{key} is copied into a layer: whoever gets the image has the key",
            "no key is in the image; secrets come to the container when it starts. Revoke that key",
        )
    installed = " ".join(line for line in plain.splitlines() if re.search(r"apt-get|apk", line))
    probe = _HEALTH.search(plain)
    if probe and any("slim" in base or "alpine" in base for base in bases) and probe[1] not in installed:
        yield Defect(
            11,
            f"the health check calls {probe[1]}, which this image doesn't have: it is never healthy",
            "the health check is `python -m decodeat.healthcheck`, with the image's own Python",
        )
    if (start := _START.search(plain)) and int(start[1]) < 15:
        yield Defect(
            21,
            f"health is asked after {start[1]} s, and workers import for longer than that",
            "it may start for as long as vm.ready_timeout says",
        )
    yield from _server(plain)
    floating = [base for base in bases if "$" not in base and "@sha256:" not in base and ":" in base]
    if floating:
        yield Defect(
            22,
            f"{', '.join(dict.fromkeys(floating))}: the tag moves, and two builds of the same code differ",
            "dependencies are locked with hashes; image.python_image pins the base by digest",
        )
    if re.search(r"pip3?\s+install\s+[^\n]*--user\b", plain):
        yield Defect(
            24,
            "pip installs for one user: under another id nothing is found",
            f"packages are for every user; the image is for {place.loaded.settings.image.platform}",
        )


def _server(plain: str) -> Iterator[Defect]:
    if _WORKERS.search(plain):
        yield Defect(
            17,
            "the number of workers stands in the image, whatever the container may use",
            "workers are counted by what the container may use",
        )
    if "uvicorn.workers" in plain:
        yield Defect(19, "uvicorn.workers is given up by its makers", "the worker is a class of our own package")
    if re.search(r"--preload|preload_app", plain):
        yield Defect(18, "preload makes clients of gRPC before the fork, which they don't survive", "it is off")
