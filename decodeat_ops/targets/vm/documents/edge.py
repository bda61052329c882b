"""Render nginx's files, and the Compose file of nginx, Redis and PostgreSQL."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from decodeat_ops import rendering
from decodeat_ops.rendering import quoting
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.documents import paths
from decodeat_ops.targets.vm.documents.service import rate_limit, timeouts
from decodeat_ops.targets.vm.names import EDGE_USER, GROUP, Names

NGINX = "edge/nginx/"  # below a release's directory; without it, the names of a generation's files
GENERATION = f"{NGINX}generation.conf"  # says what all others are, and so is none of them
MOST_BODY = 64 * 1024  # bytes of a request's body that the service takes
RETRY_AFTER = 30  # seconds after which a client may ask a service again that is away
_VERSION = re.compile(r":(\d+)\.(\d+)[^@]*@")
_FILES = ("nginx.conf", "headers.conf", "errors.conf", "proxy.conf", "service.conf")
# Those that nginx answers itself, in the service's form: its own status (from 494 on nginx's alone), the answer's, and
# the text.
ERRORS = (
    (400, 400, "The request can't be understood."),
    (403, 404, "Not Found"),
    (404, 404, "Not Found"),
    (405, 405, "Method Not Allowed"),
    (408, 408, "The request was not sent in time."),
    (411, 411, "The request does not say how long it is."),
    (413, 413, "The request is too large."),
    (414, 414, "The address is too long."),
    (421, 421, "This host is not served here."),
    (429, 429, "Too many analyses are asked for. Please try again later."),
    (494, 431, "The request's headers are too large."),
    (495, 400, "The certificate can't be used."),
    (496, 400, "A certificate is missing."),
    (497, 400, "This port is for https."),
    (500, 500, "Something went wrong. Please try again later."),
    (501, 501, "The request asks for something unknown."),
    (502, 502, "The service does not answer. Please try again later."),
    (503, 503, "The service is away for a while. Please try again later."),
    (504, 504, "The service did not answer in time. Please try again later."),
    (505, 505, "This version of HTTP is not spoken here."),
)
# Mozilla's intermediate profile (guideline 5.8), without what needs a file of parameters.
CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)


def nginx(loaded: Loaded) -> dict[str, str]:
    """Return nginx's files by name below a release's directory. Raises `Configuration`."""
    vm, rate = loaded.settings.vm, rate_limit(loaded)
    version = _version(vm.nginx_image)
    port = "" if vm.https_port == 443 else f":{vm.https_port}"
    values = {
        "paths": paths,
        "domains": vm.domains,
        "docs_public": vm.docs_public,
        "rate": rate,
        "rate_retry": max(1, -(-60 // rate)) if rate else 0,
        "retry_after": RETRY_AFTER,
        "body": MOST_BODY,
        "timeouts": timeouts(loaded),
        "ciphers": CIPHERS,
        "errors": ERRORS,
        "port": port,
        # `http2` became a directive of its own in 1.25.1; the other spelling works for long, with a warning.
        "http2_directive": version >= (1, 26),
        "rejects_handshakes": version >= (1, 20),
        "drains_idle": version >= (1, 28),
    }
    made = {f"{NGINX}{name}": rendering.render(f"nginx/{name}.j2", values) for name in _FILES}
    told = {"paths": paths, "generation": generation(made)}
    return made | {GENERATION: rendering.render("nginx/generation.conf.j2", told)}


def generation(files: Mapping[str, str]) -> str:
    """Return 12 hex digits of a SHA-256 over nginx's files among those of a release: the name of their generation."""
    total = hashlib.sha256()
    for name, text in sorted(files.items()):
        if name.startswith(NGINX) and name != GENERATION:
            total.update(f"{name}\0{len(text.encode())}\0{text}".encode())
    return total.hexdigest()[:12]


def compose(loaded: Loaded) -> str:
    """Return the Compose file of what stands beside the colours: nginx, Redis, PostgreSQL."""
    names = Names.of(loaded)
    values: dict[str, Any] = {
        "paths": paths,
        "names": names,
        "vm": loaded.settings.vm,
        "labels": labels,
        "quoted": quoting.compose,
        "user": f"{EDGE_USER}:{GROUP}",
        "stop": timeouts(loaded).stop,
        "log_size": f"{int(loaded.settings.logs.max_mb * 1024)}k",
        "log_files": loaded.settings.logs.keep_files,
    }
    return rendering.render("compose/edge.yaml.j2", values)


def _version(image: str) -> tuple[int, int]:
    """Return nginx's version by its image's tag; for an image without one, that from which all is there but the new."""
    found = _VERSION.search(image)
    return (int(found[1]), int(found[2])) if found else (1, 22)
