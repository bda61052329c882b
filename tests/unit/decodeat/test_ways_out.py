"""Test that resources acquired in a loop, or one after the other, are released however the code ends."""

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest
from uvicorn import Config

from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.engines.fallback import Engines
from decodeat.engines.ports import Analysis, Engine
from decodeat.images.decoding import Picture
from decodeat.images.download import Downloader
from decodeat.protocol import BoundedHttp
from decodeat.stores.cache import MemoryCache
from decodeat.worker import Admission, Recycling, ReleaseServer
from tests.support.clock import Standing
from tests.support.waiting import PATIENCE


class FailsOnce(socket.socket):
    """Fail at the first duplication, as when all file handles are taken."""

    failed = False

    def dup(self) -> Self:
        if not self.failed:
            self.failed = True
            raise OSError(24, "Too many open files")
        return super().dup()


async def _nothing(scope: object, receive: object, send: object) -> None:
    """Stand in for an application that is never called."""


def test_listeners_open_together_or_not_at_all(tmp_path: Path) -> None:
    release = tmp_path / "releases" / "r-1"
    release.mkdir(parents=True)
    (tmp_path / "active").symlink_to(release)
    with socket.create_server(("127.0.0.1", 0)) as first, FailsOnce() as second:
        second.bind(("127.0.0.1", 0))
        second.listen()

        async def story() -> None:
            config = Config(_nothing, http=BoundedHttp)
            config.load()
            admission = Admission(tmp_path / "active", "r-1", tmp_path / "busy")
            server = ReleaseServer(config, admission, Recycling(0, siblings=False), [first, second])
            server.lifespan = config.lifespan_class(config)
            with pytest.raises(OSError, match="Too many"):
                await server._apply_admission()
            assert server._listeners == []
            await server._apply_admission()
            assert len(server._listeners) == 2, "the next look opens both"
            for listener in server._listeners:
                listener.close()

        asyncio.run(story())


class Connection:
    """Stand in for a connection without a request."""

    cycle = transport = None

    def __init__(self) -> None:
        self.closed = False

    def shutdown(self) -> None:
        self.closed = True


def test_idle_seconds_count_anew_after_each_time_of_taking_traffic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that idled before would be closed at once later, perhaps on a request that is on its way."""
    release, active = tmp_path / "releases" / "r-1", tmp_path / "active"
    release.mkdir(parents=True)
    clock, connection = Standing(), Connection()
    monkeypatch.setattr("decodeat.worker.time", clock)

    async def story(public: socket.socket) -> None:
        config = Config(_nothing, http=BoundedHttp)
        config.load()
        server = ReleaseServer(
            config, Admission(active, "r-1", tmp_path / "busy"), Recycling(0, siblings=False), [public]
        )
        server.lifespan = config.lifespan_class(config)
        server.server_state.connections.add(connection)  # type: ignore[arg-type]
        await server._apply_admission()
        active.symlink_to(release)
        await server._apply_admission()
        clock.now += 100.0
        active.unlink()
        await server._apply_admission()
        assert not connection.closed
        clock.now += 100.0
        await server._apply_admission()
        assert connection.closed

    with socket.create_server(("127.0.0.1", 0)) as public:
        asyncio.run(story(public))


def test_a_worker_follows_on_whatever_goes_wrong_once() -> None:
    asked = []

    async def story() -> None:
        config = Config(_nothing, http=BoundedHttp)
        config.load()
        server = ReleaseServer(config, None, Recycling(0, siblings=False), [])
        server.lifespan = config.lifespan_class(config)

        def can_exit_without_loss() -> bool:
            asked.append("can_exit_without_loss")
            if len(asked) == 1:
                raise ValueError("once")
            server.should_exit = True
            return True

        server.lifespan.state["can_exit_without_loss"] = can_exit_without_loss
        await asyncio.wait_for(server._follow(), PATIENCE)

    asyncio.run(story())
    assert len(asked) == 2


class Closing:
    """Stand in for both reader and analyst; may fail to close."""

    name, version = "closing", "1"

    def __init__(self, closed: list[str], who: str, fails: bool) -> None:
        self.closed, self.who, self.fails = closed, who, fails

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> list[object]:
        raise AssertionError("is not asked")

    async def judge(self, readings: Sequence[object], deadline: Deadline) -> Analysis:
        raise AssertionError("is not asked")

    async def condition(self) -> Condition:
        return Condition(True, "closing")

    async def close(self) -> None:
        self.closed.append(self.who)
        if self.fails:
            raise RuntimeError(self.who)


@pytest.mark.parametrize("fails", ["first reader", "first analyst", "second reader", "second analyst"])
def test_an_engine_that_can_t_be_closed_keeps_no_other_open(fails: str) -> None:
    closed: list[str] = []

    def part(who: str) -> Closing:
        return Closing(closed, who, who == fails)

    async def story() -> None:
        pairs = [Engine(part(f"{n} reader"), part(f"{n} analyst")) for n in ("first", "second")]  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match=fails):
            await Engines(pairs, MemoryCache(), read_for=60, judged_for=60).close()

    asyncio.run(story())
    assert sorted(closed) == ["first analyst", "first reader", "second analyst", "second reader"]


def test_a_pool_that_can_t_be_closed_keeps_the_other_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def story() -> None:
        downloader = Downloader(1000)

        async def public() -> None:
            closed.append("public")
            raise RuntimeError("the first")

        async def trusted() -> None:
            closed.append("trusted")
            raise RuntimeError("the second")

        monkeypatch.setattr(downloader._public, "aclose", public)
        monkeypatch.setattr(downloader._trusted, "aclose", trusted)
        with pytest.raises(RuntimeError):
            async with downloader:
                pass

    asyncio.run(story())
    assert sorted(closed) == ["public", "trusted"]
