"""Find the mistakes of a Dockerfile written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.ecs.place import Place

_KEY = re.compile(r"^\s*(?:COPY|ADD)\s+.*?(\S*(?:key|credential|secret)\S*\.(?:json|pem|p12))", re.I | re.M)
_PROBE = re.compile(r"\b(curl|wget)\b")
_FROM = re.compile(r"^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)", re.IGNORECASE | re.MULTILINE)
_USER_INSTALL = re.compile(r"pip3?\s+install\s+[^\n]*--user\b")


def defects(place: Place, text: str) -> Iterator[Defect]:
    """Yield what is wrong in a Dockerfile."""
    code = "\n".join(line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    for key in _KEY.findall(code):
        yield Defect(
            10,
            f"{key} is copied into a layer: whoever can pull the image has the key",
            "no key is in the image; keys come from Secrets Manager when a task starts. Revoke that key",
        )
    yield from _health(code)
    floating = [base for base in _FROM.findall(code) if "$" not in base and "@sha256:" not in base and ":" in base]
    if floating:
        yield Defect(
            22,
            f"{', '.join(dict.fromkeys(floating))}: the tag moves, and two builds of the same code differ",
            "dependencies are locked with hashes; image.python_image pins the base by digest",
        )
    if _USER_INSTALL.search(code):
        yield Defect(
            24,
            "pip installs for one user: under another id, as platforms choose one, nothing is found",
            f"packages are in /opt/decodeat for every user; the image is for {place.loaded.settings.image.platform}",
        )


def _health(code: str) -> Iterator[Defect]:
    checks = [line for line in code.splitlines() if line.lstrip().upper().startswith("HEALTHCHECK")]
    slim = any(word in base for base in _FROM.findall(code) for word in ("slim", "alpine"))
    probes = {found[1] for line in checks if (found := _PROBE.search(line))}
    installs = " ".join(line for line in code.splitlines() if re.search(r"apt-get|apk", line))
    missing = sorted(probe for probe in probes if slim and probe not in installs)
    if missing:
        yield Defect(
            11,
            f"the health check calls {', '.join(missing)}, which this image doesn't have: it is never healthy",
            "the health check is `python -m decodeat.healthcheck`, with the image's own Python",
        )
