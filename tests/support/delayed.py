"""Stand in front of a server as a long way does: what each side says arrives later, and nothing is lost."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

PIECE = 1 << 16  # bytes
Moment = tuple[float, bytes]


@contextlib.contextmanager
def delayed(host: str, port: int, round_trip: float, *, address: str = "127.0.0.1", at: int = 0) -> Iterator[int]:
    """Forward connections to a server, and return the port where they are taken; 0 is any that is free.

    An answer comes `round_trip` seconds later than it would, half of them each way. However much is under way, it takes
    no longer: it is the way that is long, not narrow.
    """
    loop = asyncio.new_event_loop()
    ready: list[asyncio.Server] = []
    begun = threading.Event()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # at the end of the block
            await _forward(reader, writer, host, port, round_trip / 2)

    async def serve() -> None:

        ready.append(await asyncio.start_server(taken, address, at))
        begun.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(serve())  # noqa: RUF006  the loop runs until the block ends, and holds on to nothing else
        loop.run_forever()

    thread = threading.Thread(target=run, name="delayed", daemon=True)
    thread.start()
    try:
        assert begun.wait(30.0), f"nothing can be taken at {address}"
        yield int(ready[0].sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result(30.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end() -> None:
    tasks = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, seconds: float
) -> None:
    with contextlib.closing(writer.transport), contextlib.suppress(OSError):
        there, back = await asyncio.open_connection(host, port)
        with contextlib.closing(back.transport):
            await asyncio.gather(_late(reader, back, seconds), _late(there, writer, seconds))


async def _late(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on what comes, each piece when its time has come; at the end the other side hears of it.

    Raises OSError when that one takes no more.
    """
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[Moment | None]()

    async def deliver() -> None:
        while (moment := await waiting.get()) is not None:
            await asyncio.sleep(max(0.0, moment[0] - loop.time()))
            sink.write(moment[1])
            await sink.drain()
        sink.write_eof()

    async def take() -> None:
        with contextlib.suppress(OSError):  # a side that breaks off has said all
            while content := await source.read(PIECE):
                waiting.put_nowait((loop.time() + seconds, content))
        waiting.put_nowait(None)

    await asyncio.gather(take(), deliver())
