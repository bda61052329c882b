"""Ask a service from inside its own container (`python -m decodeat.ask`): a request a line, an answer a line, in JSON.

A machine that runs containers need not have a program that speaks HTTP; each container of the service has Python.

    {"unix": "/run/api/api.sock", "path": "/ready"}
    {"host": "nginx", "port": 443, "tls": true, "name": "api.example.com", "path": "/health", "timeout": 5}

`name` is the name that TLS and the Host header ask for. `method`, `headers` (an object), `body` (Base64) and `timeout`
(seconds) may be added. The answer has `status`, `headers` (names in small letters), `body` (Base64) and `seconds`, or
`error` and `seconds`. It ends with its input.
"""

import base64
import http.client
import io
import json
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import IO, Any

MOST_ASKED = 1024 * 1024  # bytes of a line of the input
MOST_ANSWERED = 4 * 1024 * 1024  # bytes of an answer's body
PATIENCE = 10.0  # seconds that an answer may take unless the request says otherwise
LONGEST = 3600.0


class _Connection(http.client.HTTPConnection):
    """Connect to a unix socket, or to a host with or without TLS."""

    def __init__(self, asked: Mapping[str, Any], timeout: float) -> None:
        self._unix = asked.get("unix")
        self._name = str(asked.get("name") or "")
        self._tls = bool(asked.get("tls"))
        host, port = ("localhost", 80) if self._unix else (str(asked["host"]), int(asked["port"]))
        super().__init__(host, port, timeout=timeout)

    def connect(self) -> None:
        if self._unix:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self._unix))
            return
        super().connect()
        if self._tls:
            self.sock = _unverified().wrap_socket(self.sock, server_hostname=self._name or None)


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


def _unverified() -> ssl.SSLContext:
    """Return what believes any certificate: a header of the answer says who answered, and the network is our own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the system's authorities, which take time to load
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def answer(line: bytes) -> dict[str, Any]:
    """Send the request that a line describes, and return what came back; it raises nothing."""
    began = time.monotonic()
    try:
        found = _answer(_request(line), began)
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, RecursionError) as error:
        text = str(error) or type(error).__name__
        found = {"error": f"{text} is missing" if isinstance(error, KeyError) else text}
    return found | {"seconds": round(time.monotonic() - began, 4)}


def _request(line: bytes) -> Mapping[str, Any]:
    if len(line) > MOST_ASKED:
        raise ValueError(f"the request is longer than {MOST_ASKED} bytes")
    asked = json.loads(line)
    if not isinstance(asked, dict) or not isinstance(asked.get("headers", {}), dict):
        raise ValueError("the request is not a JSON object, or its headers are none")
    return asked


def _answer(asked: Mapping[str, Any], began: float) -> dict[str, Any]:
    timeout = min(float(asked.get("timeout") or PATIENCE), LONGEST)
    body = base64.b64decode(asked.get("body") or "", validate=True)
    connection = _Connection(asked, timeout)
    connection.response_class = partial(_Response, deadline=began + timeout)  # type: ignore[assignment]
    try:
        method, path = str(asked.get("method") or "GET"), str(asked["path"])
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in _headers(asked, body).items():
            connection.putheader(name, value)
        try:
            connection.endheaders(body)
        except (BrokenPipeError, ConnectionResetError):
            if connection.sock is None:
                raise
            # Whoever refuses a request before it has read all of it may have answered.
        response = connection.getresponse()
        content = response.read(MOST_ANSWERED + 1)
        if len(content) > MOST_ANSWERED:
            raise ValueError(f"the answer is larger than {MOST_ANSWERED} bytes")
        if response.length:  # bytes that are missing; `read` with a limit doesn't report them
            raise http.client.IncompleteRead(content, response.length)
        headers = {name.lower(): str(response.getheader(name)) for name, _ in response.getheaders()}
        return {"status": response.status, "headers": headers, "body": base64.b64encode(content).decode()}
    finally:
        connection.close()


def _headers(asked: Mapping[str, Any], body: bytes) -> dict[str, str]:
    own = {"Host": str(asked.get("name") or asked.get("host") or "localhost"), "Connection": "close"}
    if body:
        own["Content-Length"] = str(len(body))
    given = {str(name): str(value) for name, value in asked.get("headers", {}).items()}
    said = {name.lower() for name in given}
    return {name: value for name, value in own.items() if name.lower() not in said} | given


def main(requests: IO[bytes], answers: IO[str]) -> int:
    """Answer each line until there are no more. One that is too long is refused, and the last that is read."""
    while line := requests.readline(MOST_ASKED + 1):
        answers.write(json.dumps(answer(line)) + "\n")
        answers.flush()
        if len(line) > MOST_ASKED:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.stdin.buffer, sys.stdout))
