"""Decide which Host headers are answered: those of ALLOWED_HOSTS, and those that health checks can't avoid."""

import ipaddress
import re
import socket
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})

# Paths for probes of load balancers and platforms, and for monitoring. These know this instance by its address, by the
# name that a container network gives it (nutrition-api:8000), or (HTTP/1.0) send no Host at all. Answering them is
# safe: an attack that needs a foreign Host (a page whose name is made to resolve to this machine) has a name that can
# be registered, with a dot in it. Any client can send any Host, so the proxy in front decides whether the public sees
# these paths.
PROBED = frozenset({"/health", "/ready", "/metrics"})
_ONE_LABEL = re.compile(r"[a-z]([a-z0-9_-]{0,61}[a-z0-9])?")  # a name begins with a letter: 0x7f000001 is an address


class AllowedHosts:
    """Refuse requests for other hosts with 400. For loopback names and private requests, answer everything."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._any = not hosts or "*" in hosts
        self._names = frozenset(host for host in hosts if not host.startswith("*.")) | _OWN
        self._suffixes = tuple(host[1:] for host in hosts if host.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._any or is_private(scope) or self._known(scope):
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"detail": "This host is not served here."}, 400)(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        host = Headers(scope=scope).get("host", "").lower()
        bare, _, port = host.rpartition(":")
        name = bare if bare and port.isdecimal() else host
        if self._listed(name.removesuffix(".")):  # a dot at the end does not change the name
            return True
        return scope["path"] in PROBED and (not name or _is_address(name) or _is_local(name))

    def _listed(self, name: str) -> bool:
        return name in self._names or (name.endswith(self._suffixes) and "*" not in name)


def _is_local(name: str) -> bool:
    """Return whether a name is this machine's or belongs to a private network."""
    return bool(_ONE_LABEL.fullmatch(name)) or name == socket.gethostname().lower()


def _is_address(name: str) -> bool:
    try:
        if name.startswith("[") and name.endswith("]"):
            ipaddress.IPv6Address(name[1:-1])
        else:
            ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def is_private(scope: Scope) -> bool:
    """Return whether a probe asks over a unix socket, whose address is a path without a port.

    On a proxy's socket (SOCKET) each request that the proxy passes on names its client, and a probe's does not.
    """
    server = scope.get("server")
    return server is not None and server[1] is None and not scope.get("client")
