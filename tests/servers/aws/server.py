"""Speak AWS's protocols over HTTP on a loopback port, for the real SDK with an endpoint of its own."""

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.aws import ecr, json_wire, models, xml_wire
from tests.servers.aws.account import Account
from tests.servers.aws.errors import Cut, Params, Refused
from tests.servers.aws.fake import Aws
from tests.servers.aws.principals import Scope, scope
from tests.support.serving import serving

GLOBAL = {"iam": "us-east-1", "sts": "us-east-1"}  # where requests for these may be signed too


@contextlib.contextmanager
def aws(account: Account | None = None) -> Iterator[Aws]:
    """Serve an account until the block ends. Fails when the fake itself was found wrong."""
    fake = Aws(account or Account())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield fake
    assert not fake.broken, "\n".join(fake.broken)


def _handler(fake: Aws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        timeout = 60

        def do_GET(self) -> None:
            """Serve what URLs of answers lead to; it is not signed."""
            found = ecr.blob(fake, self.path.removeprefix("/blobs/"))
            self._send(200 if found else 404, found or b"", "application/octet-stream")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, answer, kind = respond(fake, dict(self.headers.items()), body)
            except Cut:
                self._cut()
                return
            self._send(status, answer, kind)

        def _cut(self) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def _send(self, status: int, body: bytes, kind: str) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    return Handler


def respond(fake: Aws, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
    """Return status, body and content type for one request. Raises `Cut`."""
    lowered = {name.lower(): value for name, value in headers.items()}
    request = str(uuid.uuid4())
    service = ""
    try:
        signed = scope(lowered.get("authorization", ""))
        service = models.SIGNED_FOR.get(signed.service, "")
        if not service:
            raise Refused("UnknownService", f"The fake does not play {signed.service}.")
        _check_region(fake, service, signed)
        operation, params = _read(service, lowered, body)
        answer = fake.answer(service, operation, params, signed.key)
    except Refused as error:
        return _refusal(service, error, request)
    shape = models.operation(service, operation)
    assert shape is not None
    protocol = models.protocol(service)
    if protocol == "json":
        return 200, json_wire.write(shape.output_shape, answer), _json_type(service)
    return 200, xml_wire.write(shape, answer, request, ec2=protocol == "ec2"), "text/xml"


def _check_region(fake: Aws, service: str, signed: Scope) -> None:
    if signed.region not in {fake.account.region, GLOBAL.get(service)}:
        message = f"Credential should be scoped to a valid region, not '{signed.region}'."
        raise Refused("InvalidSignatureException", message, 403)


def _read(service: str, headers: dict[str, str], body: bytes) -> tuple[str, Params]:
    protocol = models.protocol(service)
    if protocol == "json":
        prefix, _, operation = headers.get("x-amz-target", "").rpartition(".")
        if prefix != models.model(service).metadata["targetPrefix"] or headers.get("content-type") != _json_type(
            service
        ):
            raise Refused("UnknownOperationException", f"The target {prefix}.{operation} is not known.")
        known = models.operation(service, operation)
        if known is None:
            raise Refused("UnknownOperationException", f"There is no operation {operation}.")
        return operation, json_wire.read(known.input_shape, body)
    fields = xml_wire.form(body)
    known = models.operation(service, fields.get("Action", ""))
    if known is None or fields.get("Version") != models.model(service).api_version:
        raise Refused("InvalidAction", f"Could not find operation {fields.get('Action')}.")
    return known.name, xml_wire.read(known.input_shape, fields, ec2=protocol == "ec2")


def _json_type(service: str) -> str:
    return f"application/x-amz-json-{models.model(service).metadata['jsonVersion']}"


def _refusal(service: str, error: Refused, request: str) -> tuple[int, bytes, str]:
    protocol = models.protocol(service) if service else "json"
    if protocol == "json":
        told = {"__type": error.code, "message": error.message}
        return error.status, json.dumps(told).encode(), _json_type(service) if service else "application/x-amz-json-1.1"
    return error.status, xml_wire.refusal(error, request, ec2=protocol == "ec2"), "text/xml"
