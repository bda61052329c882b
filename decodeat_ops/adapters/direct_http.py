"""Send HTTP requests over TCP, TLS or a unix socket, each on its own connection, no proxy."""

import http.client
import io
import os
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Response

MOST = 64 * 1024 * 1024  # bytes of a body; metrics and analyses take a few hundred KiB


class DirectHttp:
    """Send requests with the standard library's client: it is small, and no variable can redirect it."""

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
        """Send one request. Raises `Unreachable` without a whole answer of at most `MOST` bytes in `timeout` seconds.

        The server is not trusted: while no release runs, any user can take the port.
        """
        began = time.monotonic()
        connection = _connection(endpoint, timeout)
        try:
            connection.response_class = partial(_Response, deadline=began + timeout)  # type: ignore[assignment]
            # Without a name of its own it is asked as "localhost", to which the service answers whatever ALLOWED_HOSTS
            # says: the address that it listens on may not be listed.
            sent = {"Host": endpoint.sent_as, "Connection": "close", **(headers or {})}
            connection.request(method, path, body=body or None, headers=sent)
            answer = connection.getresponse()
            content = answer.read(MOST + 1)
            if len(content) > MOST:
                raise OSError(f"it sends more than {MOST >> 20} MiB")
            if answer.length:  # bytes that are missing; `read` with a limit doesn't report them
                raise http.client.IncompleteRead(content, answer.length)
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, lowered, content, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{endpoint} did not answer: {error or type(error).__name__}.") from error
        finally:
            connection.close()


class _Response(http.client.HTTPResponse):
    """Read an answer that has to be whole before a deadline, even when it comes in small parts."""

    def __init__(self, sock: socket.socket, *given: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *given, **options)
        self.fp = io.BufferedReader(_Until(sock, self.fp, deadline))


class _Until(io.RawIOBase):
    """Read a socket until a deadline. Closing it closes `under` too, so that the socket itself can be closed."""

    def __init__(self, sock: socket.socket, under: io.BufferedIOBase, deadline: float) -> None:
        self._sock = sock
        self._under = under
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._under.close()
        super().close()


def _connection(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection:
    if endpoint.unix is not None:
        return _UnixConnection(endpoint.unix, timeout)
    if endpoint.tls:
        return _TlsConnection(endpoint, timeout)
    return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)


@cache
def _trusted() -> ssl.SSLContext:
    """Return the system's certificate authorities, which take some milliseconds to load."""
    return ssl.create_default_context()


def _only(certificate: str) -> ssl.SSLContext:
    """Return what believes one certificate alone, whatever names are in it: it is known which machine has its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


class _TlsConnection(http.client.HTTPSConnection):
    """Ask for the name that clients use, also where another address is connected to."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        context = _only(endpoint.trusted) if endpoint.trusted else _trusted()
        super().__init__(endpoint.host, endpoint.port, timeout=timeout, context=context)
        self._tls = context
        self._wanted = endpoint.name.strip("[]") or endpoint.host

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._wanted)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect through the directory's descriptor: a socket's address holds 107 bytes, and a path may be longer."""
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)
