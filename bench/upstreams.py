"""What the service talks to while it is measured, in a process of its own: a picture host, Vision and Gemini.

`python -m bench.upstreams PICTURE FAULTS SLOWEST` prints their addresses as one JSON object and serves until its input
ends. FAULTS is the share of calls to Vision and Gemini that fail in some way. SLOWEST is how many seconds Gemini takes
at most; it takes at least a fifth of that.
"""

import asyncio
import hashlib
import itertools
import json
import random
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Any, cast

import grpc
import uvloop

from tests.servers import gemini, vision
from tests.support import numbered


class Host(asyncio.Protocol):
    """Answers every request at once with the picture, another file for every path.

    The last part of the path becomes a chunk that says how large a pixel is: the same picture with another digest.
    Below /cut/ the file is cut off, below /gone/ there is none.
    """

    picture = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            _, where, mark = head.split(b" ", 2)[1].split(b"/", 2)
            status = b"404 Not Found" if where == b"gone" else b"200 OK"
            body = _marked(self.picture, mark)
            body = body[: len(body) // 2] if where == b"cut" else body
            self._transport.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))


def _marked(picture: bytes, mark: bytes) -> bytes:
    header = len(b"\x89PNG\r\n\x1a\n") + 25
    content = b"pHYs" + hashlib.md5(mark, usedforsecurity=False).digest()[:8] + b"\1"
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return b"".join((picture[:header], chunk, picture[header:]))


async def serve(picture: Path, faults: float, slowest: float) -> None:
    Host.picture = picture.read_bytes()
    server = await asyncio.get_running_loop().create_server(Host, "127.0.0.1", 0)
    turn = itertools.count()
    broken_reads = (vision.fails(grpc.StatusCode.UNAVAILABLE), vision.hangs(2), vision.answers_in_part())
    broken_words = (gemini.refuses(503, "UNAVAILABLE"), gemini.hangs(2), gemini.says("no JSON"), gemini.blocks())

    def read(request: vision.Request, context: Any) -> vision.Response:
        """Another text each time, so that nothing is remembered; the pictures of one call show one product."""
        if random.random() < faults:
            return random.choice(broken_reads)(request, context)
        text = numbered.text(next(turn) % 50_000)
        return vision.reads(*(text for _ in request.requests))(request, context)

    def judge(handler: Any, body: dict[str, Any]) -> None:
        time.sleep(random.uniform(slowest / 5, slowest))  # in a thread of this call's own
        chosen = random.choice(broken_words) if random.random() < faults else gemini.answers(numbered.answer)
        chosen(handler, body)

    with vision.serving(read) as ocr, gemini.gemini(judge) as model:
        port = server.sockets[0].getsockname()[1]
        told = {"host": f"http://127.0.0.1:{port}", "vision": ocr.origin, "gemini": model.origin}
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
