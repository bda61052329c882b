"""Test what the soak sends, and what it says of workers: which growth is certain, and which of them ended."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest

from bench import soak
from bench.soak import SAMPLE_SECONDS, Load, Sample, report

WARM = 600.0
WHOLE = int(1800 / SAMPLE_SECONDS)


def worker(an_hour: float, seed: int, count: int = WHOLE) -> list[Sample]:
    """Return half an hour of a worker whose memory is as restless as a real one's and grows by so many MiB an hour."""
    dice = random.Random(seed)
    restless = [dice.gauss(0, 1.5) for _ in range(30)]  # a minute's samples are alike
    times = [number * SAMPLE_SECONDS for number in range(count)]
    return [Sample(at, 150 + an_hour * at / 3600 + restless[int(at // 60)], 60) for at in times]


def test_growth_is_found() -> None:
    assert report({1: worker(0, 1), 2: worker(40, 2)}, WARM)


def test_workers_that_do_not_grow_fail_no_soak() -> None:
    failed = [report({1: worker(0, seed), 2: worker(0, seed + 1000)}, WARM) for seed in range(200)]
    assert sum(failed) <= 2


def test_a_worker_that_ended_fails_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert report({1: worker(0, 1), 2: worker(0, 2, count=WHOLE // 6)}, WARM)
    assert "worker 2: ended after 295 s" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 20])
def test_what_began_a_minute_ago_grows_by_nothing_certain(count: int) -> None:
    late = [Sample(sample.at + 1800 - count * SAMPLE_SECONDS, sample.memory, 60) for sample in worker(400, 3, count)]
    assert not report({1: late}, WARM)


class Slow:
    """A server whose answers take a moment each; `most` are the requests that were under way at once."""

    def __init__(self) -> None:
        self.url = ""
        self.most = 0
        self._now = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.01)
        self._now -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()


def load(slow: Slow, *, late: float, seconds: float) -> Load:
    """Return a load that has run, and that began so many seconds too late."""

    async def ran() -> Load:
        async with slow.running():
            made = Load(slow.url, "http://127.0.0.1:9", random.Random(1))
            await made.run(time.monotonic() - late, seconds)
        return made

    return asyncio.run(ran())


def test_what_a_slow_machine_could_not_send_is_left_out() -> None:
    """Sent later it would wait behind all before it, longer than a request may, and the soak would measure that."""
    made = load(Slow(), late=6.0, seconds=6.5)
    assert made.left_out >= soak.BURST + 2 * soak.WARM_RATE + 2 * soak.RATE
    assert 0 < made.answers.total() <= 2 * soak.RATE


def test_no_more_requests_are_under_way_than_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "AT_ONCE", 5)
    slow = Slow()
    made = load(slow, late=0.0, seconds=0.5)
    assert 0 < slow.most <= 5
    assert made.answers.total() + made.left_out > soak.BURST
