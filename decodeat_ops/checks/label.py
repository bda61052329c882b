"""Provide the known label: its picture, what the service must read in it, and a server that offers it for one check."""

import json
import secrets as random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from decodeat_ops.checks import grey
from decodeat_ops.core.errors import Unreachable

PICTURE = Path(__file__).with_name("known_label.png")
TRUTH = Path(__file__).with_name("known_label.json")
LOT = Path(__file__).with_name("known_lot.png")  # the heading of a lot number, and the ten digits behind it
DIGITS = "0123456789"
DRAWN = 8  # digits of a lot number
CELL = 15  # a digit's width in pixels in that picture; `tests.labels.known`, which draws it, refuses another width
PATIENCE = 15.0  # seconds; another deployment's check may be using the port, and takes about three


def is_ours(url: str) -> SplitResult | None:
    """Return the parts of an address that the check serves itself (http://127.0.0.1:PORT/...), None for any other."""
    parts = urlsplit(url)
    return parts if (parts.scheme, parts.hostname) == ("http", "127.0.0.1") and parts.port else None


def new_lot() -> str:
    """Return a random lot number, which hardly any earlier run has used."""
    return "".join(random.choice(DIGITS) for _ in range(DRAWN))


def picture(lot: str) -> bytes:
    """Return the label as PNG with that lot number below its last line, as on every package.

    The service caches by address, picture and text: only a new picture makes it read and analyse the label again.
    """
    rows, strip = grey.read(PICTURE.read_bytes()), grey.read(LOT.read_bytes())
    heading = len(strip[0]) - len(DIGITS) * CELL
    paper = rows[0][:1]
    below = (row[:heading] + b"".join(row[heading + int(digit) * CELL :][:CELL] for digit in lot) for row in strip)
    return grey.write([*rows, *(row.ljust(len(rows[0]), paper) for row in below)])


def expected() -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(TRUTH.read_bytes())
    return fields


class PortTaken(Unreachable):
    """Report that another program listens on the port where the picture was to be served."""


def address(parts: SplitResult, lot: str) -> str:
    """Return the address of the label with that lot number as its query, which the service doesn't log."""
    return parts._replace(query=f"lot={lot}", fragment="").geturl()


@contextmanager
def served(parts: SplitResult, lot: str) -> Iterator[list[str]]:
    """Serve the picture at that address with `?lot=` while the block lasts. Yields the paths that were requested.

    Raises `PortTaken`.
    """
    content, asked = picture(lot), []

    class OnePicture(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            here = self.path == f"{parts.path}?lot={lot}"
            self.send_response(200 if here else 404)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(content) if here else 0))
            self.end_headers()
            self.wfile.write(content if here else b"")

        def log_message(self, format: str, *args: Any) -> None:
            """Do nothing: the check reports what it saw, and a line on stderr would disturb the screen."""

    server = listen(parts.port or 0, OnePicture)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listen(port: int, handler: type[BaseHTTPRequestHandler] = BaseHTTPRequestHandler) -> ThreadingHTTPServer:
    """Return a server on that port; wait for another deployment's check to end. Raises `PortTaken` after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as error:
            if time.monotonic() > deadline:
                raise PortTaken(error.strerror or str(error)) from error
            time.sleep(0.1)


def differences(want: Mapping[str, Any], got: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Return how many fields were compared, and each difference as `name: wanted ≠ got`. Each nutrient is one field."""
    pairs: list[tuple[str, Any, Any]] = []
    for name, value in want.items():
        other = got.get(name)
        if isinstance(value, dict):
            inner = other if isinstance(other, dict) else {}
            pairs += [(key, value[key], inner.get(key)) for key in value]
        else:
            pairs.append((name, value, other))
    wrong = [f"{name}: {_short(want)} ≠ {_short(got)}" for name, want, got in pairs if want != got]
    return len(pairs), wrong


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
