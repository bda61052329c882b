"""Find the mistakes of a configuration of nginx written by hand, by the numbers of the guide's list."""

import re
from collections.abc import Iterator

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.vm.handwritten.text import code
from decodeat_ops.targets.vm.place import Place

_NOT_THERE = ("ECDHE-RSA-AES256-GCM-SHA512", "DHE-RSA-AES256-GCM-SHA512")  # no such suites: nginx does not start
_LOCATION = re.compile(r"location\s+(?:=\s*|~\*?\s*)?(\S+)\s*\{([^{}]*)\}")
_READ = re.compile(r"proxy_read_timeout\s+(\d+)s?;")


def defects(place: Place, text: str) -> Iterator[Defect]:
    """Yield what is wrong in a configuration."""
    plain = code(text)
    yield from _tls(plain)
    yield from _limits(plain)
    yield from _headers(plain)
    yield from _locations(plain)
    if re.search(r"upstream\s+\S+\s*\{[^}]*server\s+[A-Za-z][\w-]*:\d+", plain) and "resolver" not in plain:
        yield Defect(
            3,
            "the upstream is a name: nginx does not start while it does not resolve, and keeps its first address",
            "nginx reaches the service by a unix socket, which a link names",
        )
    if "default_server" not in plain:
        yield Defect(
            8,
            "requests for unknown hosts are answered, or redirected to wherever they ask",
            "a default server closes them without an answer",
        )
    if (found := _READ.search(plain)) and int(found[1]) <= 120:
        yield Defect(
            9,
            f"proxy_read_timeout is {found[1]} s, no longer than the application's own limit: who gives up is chance",
            "each time-out is longer than the one behind it",
        )


def _tls(plain: str) -> Iterator[Defect]:
    wrong = [one for one in _NOT_THERE if one in plain]
    if wrong:
        yield Defect(
            1, f"there are no ciphers {', '.join(wrong)}: nginx does not start", "Mozilla's intermediate profile"
        )
    if "ssl_certificate" in plain and "acme-challenge" not in plain:
        yield Defect(
            2,
            "without a certificate nginx does not start, and authorities are redirected before they see any proof",
            "a certificate of its own lets it start; /.well-known/acme-challenge/ is answered over plain HTTP",
        )


def _limits(plain: str) -> Iterator[Defect]:
    if "limit_req" in plain and "limit_req_status" not in plain:
        yield Defect(
            5,
            "past its limit nginx answers 503 as if it were broken, at another rate than the application's",
            "one rate for both, and 429",
        )
    body = re.search(r"client_max_body_size\s+(\d+)[mM]", plain)
    if body and int(body[1]) > 10:
        yield Defect(
            8, f"nginx takes {body[1]} MB, and the application refuses more than 10", "both have the same limit"
        )


def _headers(plain: str) -> Iterator[Defect]:
    if "X-XSS-Protection" in plain:
        yield Defect(8, "X-XSS-Protection is obsolete, and can do harm", "it is not sent")
    if "preload" in plain:
        yield Defect(
            8,
            "Strict-Transport-Security says preload: browsers keep that for years, whatever becomes of the name",
            "it is sent without preload",
        )
    heads = [line for line in plain.splitlines() if "add_header" in line and "Content-Type" not in line]
    if heads and not all("always" in line for line in heads):
        yield Defect(
            6, "headers without `always` are missing in error pages", "one set of headers, always, in every location"
        )


def _locations(plain: str) -> Iterator[Defect]:
    found = dict(_LOCATION.findall(plain))
    dropping = [path for path, body in found.items() if "add_header" in body]
    if dropping:
        yield Defect(
            6,
            f"{', '.join(dropping)} has headers of its own, so that none of the server's are sent there",
            "one set of headers, always, in every location",
        )
    if "proxy_pass" not in found.get("/", "proxy_pass") and "/openapi.json" not in found:
        yield Defect(7, "/openapi.json is answered by `location /`: Swagger has nothing to show", "it is passed on")
    if "/docs" in found and not re.search(r"\b(allow|deny|auth_basic)\b", found["/docs"]):
        yield Defect(7, "/docs is open to everybody", "it is closed unless the settings open it")
    named = [p for p, body in found.items() if "proxy_pass" in body and "proxy_set_header Host" not in body]
    if named and not re.search(r"server\s*\{[^{}]*proxy_set_header\s+Host", plain):
        yield Defect(
            4,
            f"{', '.join(named)} asks with the upstream's name as Host: ALLOWED_HOSTS refuses it with 400",
            "Host is set for the whole server",
        )
