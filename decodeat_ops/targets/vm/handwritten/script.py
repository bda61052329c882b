"""Find the mistakes of a deploy script written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.vm.handwritten.text import code
from decodeat_ops.targets.vm.place import Place

_UP = re.compile(r"docker(?:-|\s+)compose\b[^\n]*\b(?:up|restart|down)\b")


def defects(place: Place, text: str) -> Iterator[Defect]:
    """Yield what is wrong in a script; its comments are left out."""
    plain = code(text, joined=True)
    if re.search(r"^\s*(?:\.|source)\s+\S*\.env", plain, re.MULTILINE) or "--env-file" in plain:
        yield Defect(
            15,
            "a shell and Docker read environment files differently: lists lose their quotes, comments become values",
            "one strict parser reads them, and refuses what could be taken differently",
        )
    if "docker-compose" in plain:
        yield Defect(23, "docker-compose v1 is retired", "Compose v2, `docker compose`")
    if _UP.search(plain):
        yield Defect(
            9,
            "containers are replaced in place: requests are cut off, and nobody answers until the new one does",
            "a release starts beside the old one, and clients get to it by one rename once it is ready",
        )
    pushes = re.findall(r"docker\s+(?:build|push|pull)\b[^\n]*", plain)
    if any(":latest" in one or ("build" in one and not re.search(r"(-t|--tag)[\s=]+\S+:\S+", one)) for one in pushes):
        yield Defect(
            22,
            "the image has the floating tag latest, so that the old one is gone",
            "images are named by digest or id, and earlier ones are kept",
        )
    if re.search(r"\|\s*docker\s+login", plain) and not re.search(r"set\s+(-\w+\s+)*-?\w*o\s+pipefail", plain):
        yield Defect(
            29,
            "without pipefail a login that fails is not noticed in the pipe to `docker login`",
            "a login that fails ends the step, and what was begun is undone",
        )
    enable, ssh = plain.find("ufw enable"), re.search(r"ufw\s+(?:allow|limit)\s+(?:ssh|22|OpenSSH)", plain)
    enable = enable if enable >= 0 else plain.find("ufw --force enable")
    if enable >= 0 and (ssh is None or ssh.start() > enable):
        yield Defect(
            41,
            "the firewall is on before SSH is allowed: whoever runs it locks himself out",
            "`decodeat-ops firewall apply` allows SSH first, and takes itself back unless confirmed",
        )
