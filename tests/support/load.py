"""An open-loop load: keep-alive and one-connection clients at a fixed rate, and slow requests always in flight.

`python tests/support/load.py PLACE SECONDS RATE SLOW_SECONDS [STOP_FILE]` prints one JSON object. PLACE is a port of
the loopback, or https://NAME@ADDRESS:PORT, where the certificate is not looked at. A request is failed when it is
reset, refused, cut short, answered with 5xx or with a body that is not the one expected. It stops by itself after
SECONDS, or earlier once STOP_FILE is there; what was sent by then is waited for.
"""

import asyncio
import collections
import hashlib
import json
import random
import ssl
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

KEEP_ALIVE_CLIENTS = 10
SLOW_EVERY = 2.0  # seconds
PATIENCE = 60.0  # beside what a slow request takes


@dataclass(frozen=True)
class Place:
    """Where requests go, and the name that they ask for."""

    address: str
    port: int
    name: str
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, text: str) -> "Place":
        if text.isdecimal():
            return cls("127.0.0.1", int(text), "127.0.0.1")
        told = urlsplit(text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return cls(told.hostname or "", told.port or 443, told.username or "", context)


@dataclass
class Tally:
    """What happened, by kind of client; `lag` is how late the generator itself sent, in seconds."""

    sent: collections.Counter[str] = field(default_factory=collections.Counter)
    failed: list[str] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    releases: collections.Counter[str] = field(default_factory=collections.Counter)

    def report(self) -> dict[str, object]:
        lag, took = sorted(self.lag), sorted(self.took)

        def at(values: list[float], share: float) -> float:
            return round(values[min(len(values) - 1, int(len(values) * share))], 4) if values else 0.0

        return {
            "sent": dict(self.sent),
            "total": sum(self.sent.values()),
            "failed": len(self.failed),
            "failures": self.failed[:20],
            "lag_p99": at(lag, 0.99),
            "lag_max": at(lag, 1.0),
            "p50": at(took, 0.5),
            "p99": at(took, 0.99),
            "max": at(took, 1.0),
            "releases": len(self.releases),
        }


class Client:
    """Speaks HTTP/1.1 by hand, so that nothing retries behind our back."""

    def __init__(self, place: Place, tally: Tally, kind: str, patience: float = PATIENCE) -> None:
        self.place, self.tally, self.kind, self.patience = place, tally, kind, patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def echo(self, keep: bool) -> None:
        body = json.dumps({"n": random.random(), "fill": "가" * random.randint(1, 400)}).encode()
        expected = hashlib.sha256(body).hexdigest()
        await self.exchange("POST", "/test/echo", body, keep, lambda got: got["sha256"] == expected)

    async def slow(self, seconds: float) -> None:
        await self.exchange("GET", f"/test/slow?seconds={seconds}", b"", False, lambda got: got["slept"] == seconds)

    async def exchange(self, method: str, path: str, body: bytes, keep: bool, right: object) -> None:
        began = time.monotonic()
        self.tally.sent[self.kind] += 1
        try:
            async with asyncio.timeout(self.patience):
                got = await self._once(method, path, body, keep)
            if not right(got):  # type: ignore[operator]
                raise ValueError("wrong body")
        except Exception as error:
            self.tally.failed.append(f"{self.kind} {path} after {time.monotonic() - began:.2f} s: {error!r}")
            self.close()
        if self.kind != "slow":
            self.tally.took.append(time.monotonic() - began)

    async def _once(self, method: str, path: str, body: bytes, keep: bool) -> dict[str, object]:
        if self._streams is None:
            place = self.place
            name = place.name if place.tls else None
            self._streams = await asyncio.open_connection(
                place.address, place.port, ssl=place.tls, server_hostname=name
            )
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.place.name}\r\nContent-Length: {len(body)}\r\n"
        head += "\r\n" if keep else "Connection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        status = await reader.readline()
        if not status:
            raise ConnectionResetError("closed without an answer")
        headers: dict[str, str] = {}
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        content = await reader.readexactly(int(headers["content-length"]))
        if not keep or headers.get("connection") == "close":
            self.close()
        if int(status.split()[1]) != 200:
            raise ValueError(f"status {status.decode().strip()}")
        self.tally.releases[headers.get("x-release-id", "")] += 1
        found: dict[str, object] = json.loads(content)
        return found

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Until:
    """The end of sending: a moment, or a file that appears."""

    def __init__(self, seconds: float, stop: Path | None) -> None:
        self._end = time.monotonic() + seconds
        self._stop = stop

    def over(self, due: float) -> bool:
        return due >= self._end or (self._stop is not None and self._stop.exists())


async def steadily(rate: float, until: Until, tally: Tally, send: object) -> None:
    """Call `send` at a fixed rate whatever comes back (open loop), noting how late each call was."""
    began = time.monotonic()
    tasks: set[asyncio.Task[None]] = set()
    number = 0
    while not until.over(due := began + number / rate):
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tally.lag.append(time.monotonic() - due)
        task = asyncio.create_task(send())  # type: ignore[operator]
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
    await asyncio.gather(*tasks)


async def keep_alive(place: Place, rate: float, until: Until, tally: Tally) -> None:
    """One connection kept as long as the server keeps it; the next request waits for the answer to the last."""
    client = Client(place, tally, "keep-alive")
    turn = asyncio.Lock()

    async def send() -> None:
        async with turn:
            await client.echo(keep=True)

    await steadily(rate, until, tally, send)
    client.close()


async def load(place: Place, seconds: float, rate: float, slow: float, stop: Path | None = None) -> Tally:
    """Half the rate over kept connections, half with a connection each, and a slow request every two seconds."""
    tally = Tally()
    until = Until(seconds, stop)
    work = [keep_alive(place, rate / 2 / KEEP_ALIVE_CLIENTS, until, tally) for _ in range(KEEP_ALIVE_CLIENTS)]
    work.append(steadily(rate / 2, until, tally, lambda: Client(place, tally, "one-connection").echo(keep=False)))
    if slow:
        patience = slow + PATIENCE
        work.append(steadily(1 / SLOW_EVERY, until, tally, lambda: Client(place, tally, "slow", patience).slow(slow)))
    await asyncio.gather(*work)
    return tally


if __name__ == "__main__":
    place, (seconds, rate, slow) = Place.parse(sys.argv[1]), map(float, sys.argv[2:5])
    stop = Path(sys.argv[5]) if sys.argv[5:] else None
    print(json.dumps(asyncio.run(load(place, seconds, rate, slow, stop)).report()))
