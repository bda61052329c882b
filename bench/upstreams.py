"""What the service talks to while it is measured, in a process of its own: a picture host, Vision and Gemini.

`python -m bench.upstreams PICTURE` prints one JSON object with their addresses and serves until its input ends.
"""

import asyncio
import hashlib
import itertools
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import cast

import uvloop

from tests.servers import gemini, vision
from tests.support import numbered


class Host(asyncio.Protocol):
    """Answers every request at once with the picture, another file for every path.

    The last part of the path becomes a chunk that says how large a pixel is: the same picture with another digest.
    """

    picture = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            mark = head.split(b" ", 2)[1].rpartition(b"/")[2]
            body = _marked(self.picture, mark)
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def _marked(picture: bytes, mark: bytes) -> bytes:
    header = len(b"\x89PNG\r\n\x1a\n") + 25
    content = b"pHYs" + hashlib.md5(mark, usedforsecurity=False).digest()[:8] + b"\1"
    return b"".join(
        (picture[:header], struct.pack(">I", 9), content, struct.pack(">I", zlib.crc32(content)), picture[header:])
    )


async def serve(picture: Path) -> None:
    Host.picture = picture.read_bytes()
    server = await asyncio.get_running_loop().create_server(Host, "127.0.0.1", 0)
    turn = itertools.count()

    def read(request: vision.Request, context: object) -> vision.Response:
        """Another text each time, so that nothing is remembered."""
        return vision.reads(*(numbered.text(next(turn) % 50_000) for _ in request.requests))(request, context)

    with vision.serving(read) as ocr, gemini.gemini(gemini.answers(numbered.answer)) as model:
        port = server.sockets[0].getsockname()[1]
        print(
            json.dumps({"host": f"http://127.0.0.1:{port}", "vision": ocr.origin, "gemini": model.origin}), flush=True
        )
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
