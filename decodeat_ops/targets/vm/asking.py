"""Ask releases over HTTP: those on a machine's private socket through their own container, others directly."""

import base64
import contextlib
import json
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from decodeat_ops.core import certificate as certificates
from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.ports import Endpoint, Response
from decodeat_ops.core.remote import Held
from decodeat_ops.targets.vm.names import Colour
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import reading

SOCKET = "/run/api/api.sock"  # inside of the container
MARGIN = 5.0  # seconds that a connection may take beside the answer itself
_NONSENSE = "what it says is no answer"


def private(place: Place, host: str, colour: Colour) -> Endpoint:
    """Return where a colour answers on one machine, which no client reaches."""
    return Endpoint(host=host, unix=Path(place.names.socket(colour)))


def public(place: Place, host: str, certificate: str) -> Endpoint:
    """Return where a machine's clients reach nginx there; one that it signed itself is believed.

    So is the first one of a machine that is about to get an authority's.
    """
    vm = place.loaded.settings.vm
    address = place.hosts[host].address
    shown = f"[{address}]" if ":" in address else address
    return Endpoint(
        host=address,
        port=vm.https_port,
        name=vm.domains[0] if vm.domains else shown,
        tls=True,
        trusted=certificate if vm.certificate == "self-signed" or _self_signed(certificate) else "",
    )


def _self_signed(pem: str) -> bool:
    try:
        return certificates.of_pem(pem).self_signed
    except ValueError:
        return False


@dataclass
class _Channel:
    """Hold the program that asks in one container; one request at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: Held | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    def drop(self) -> None:
        """Close it; what goes wrong with a channel that is over tells nothing."""
        self.held = None
        stack, self.stack = self.stack, ExitStack()
        try:
            stack.close()
        except Unreachable:
            return


class VmHttp:
    """Send requests to addresses, and to the private sockets that `private` names."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._channels: dict[tuple[str, str], _Channel] = {}
        self._lock = threading.Lock()

    def request(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """Send one request. Raises `Unreachable` when there is no whole answer in time."""
        if endpoint.unix is None:
            return self._outside(endpoint, method, path, body=body, headers=headers, timeout=timeout)
        asked = {
            "unix": SOCKET, "method": method, "path": path, "timeout": timeout,
            "headers": {"Host": endpoint.sent_as, **(headers or {})}, "body": base64.b64encode(body).decode(),
        }  # fmt: skip
        told = self._ask(endpoint.host, endpoint.unix.parent.name, json.dumps(asked), timeout + MARGIN)
        if "error" in told or "status" not in told:
            raise _silent(endpoint, str(told.get("error") or "it says nothing"))
        try:
            found = {str(name).lower(): str(value) for name, value in told.get("headers", {}).items()}
            content = base64.b64decode(told.get("body", ""))
            return Response(int(told["status"]), found, content, float(told.get("seconds", 0.0)))
        except (ValueError, TypeError, AttributeError) as error:
            raise _silent(endpoint, _NONSENSE) from error

    def _outside(self, endpoint: Endpoint, method: str, path: str, **how: Any) -> Response:
        """Ask an address; where it can't be reached from here, by the name that clients use, if it has one.

        The machine may be known to ssh by an address that only another machine reaches.
        """
        http = self._place.http
        try:
            return http.request(endpoint, method, path, **how)
        except Unreachable:
            if method != "GET" or endpoint.name in ("", endpoint.host):
                raise
            with contextlib.suppress(Unreachable):
                return http.request(replace(endpoint, host=endpoint.name), method, path, **how)
            raise

    def _ask(self, host: str, colour: str, line: str, timeout: float) -> Mapping[str, Any]:
        """Ask over the channel that is open, which may be of a container that is gone, else over a new one."""
        with self._lock:
            channel = self._channels.setdefault((host, colour), _Channel())
        with channel.lock:
            if channel.held is not None:
                told = self._once(channel, host, colour, line, timeout)
                if told is not None:
                    return told
            told = self._once(channel, host, colour, line, timeout)
            return told if told is not None else {"error": "its container does not run"}

    def _once(self, channel: _Channel, host: str, colour: str, line: str, timeout: float) -> Mapping[str, Any] | None:
        """Return an answer, None when the container of that channel is gone."""
        fresh = channel.held is None
        try:
            if channel.held is None:
                script = reading.asking(self._place.names.container(colour))
                channel.held = channel.stack.enter_context(self._place.hosts[host].hold(script))
            told = json.loads(channel.held.ask(line, timeout))
        except Lost:
            channel.drop()
            if fresh:
                raise
            return None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            channel.drop()
            return {"error": _NONSENSE}
        if told.get("gone"):
            channel.drop()
            return None
        return told

    def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            channel.drop()


def _silent(endpoint: Endpoint, why: str) -> Unreachable:
    colour = endpoint.unix.parent.name if endpoint.unix else ""
    return Unreachable(f"{colour} on {endpoint.host} did not answer: {why}.")
