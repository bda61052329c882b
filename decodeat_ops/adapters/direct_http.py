"""HTTP to a server on this machine, over TCP or a unix socket, one connection a request and no proxy."""

import http.client
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Response


class DirectHttp:
    """The standard library's client: small, and nothing in the environment can redirect it."""

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
        """Send one request. Raises `Unreachable` when there is no whole answer within `timeout` seconds a read."""
        began = time.monotonic()
        connection = _connection(endpoint, timeout)
        try:
            # The service answers to this name whatever ALLOWED_HOSTS says; the address it listens on may not be listed.
            sent = {"Host": "localhost", "Connection": "close", **(headers or {})}
            connection.request(method, path, body=body or None, headers=sent)
            answer = connection.getresponse()
            content = answer.read()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, lowered, content, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{endpoint} did not answer: {error or type(error).__name__}.") from error
        finally:
            connection.close()


def _connection(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection:
    if endpoint.unix is not None:
        return _UnixConnection(endpoint.unix, timeout)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """A socket's address holds 107 bytes at most; through the directory's descriptor any depth will do."""
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)
