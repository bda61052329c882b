"""A real Redis, shared by workers and killed in the middle of things: slower sometimes, wrong never."""

import asyncio
import itertools
import json
import re
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from decodeat.deadline import Deadline
from decodeat.failure import Failure
from decodeat.stores.cache import NO_CLAIM, Claim
from decodeat.stores.redis import ANSWER_SECONDS, RedisCache
from decodeat.stores.single_flight import SingleFlightCache
from tests.servers import gemini as model
from tests.servers import vision as ocr
from tests.servers.redis import RedisServer, redis_server
from tests.support import numbered
from tests.support.waiting import PATIENCE, until
from tests.unit.decodeat.web import ROOT, Service, Web, service, web


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisCache]:
    cache = RedisCache(url)
    try:
        yield cache
    finally:
        await cache.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis enough time on a busy machine, where its silence is not what is tested."""
    monkeypatch.setattr("decodeat.stores.redis.ANSWER_SECONDS", PATIENCE)


@pytest.mark.usefixtures("patient")
def test_what_one_worker_remembers_another_knows_for_a_while(server: RedisServer) -> None:
    async def story() -> None:
        async with opened(server.url) as one, opened(server.url) as two:
            assert await one.get("a") is None
            await one.put("a", b"\x00text", 60)
            assert await two.get("a") == b"\x00text"
            (name,) = server.client.keys("*")
            assert 0 < server.client.ttl(name) <= 60, "Redis itself forgets it then"
            assert (await one.condition()).ok

    asyncio.run(story())


@pytest.mark.usefixtures("patient")
def test_a_claim_is_one_worker_s_until_it_lets_go(server: RedisServer) -> None:
    async def story() -> None:
        async with opened(server.url) as one, opened(server.url) as two:
            claim = await one.claim("a")
            assert claim is not None and claim is not NO_CLAIM
            assert await two.claim("a") is None
            other = await two.claim("b")
            assert other is not None
            await claim.release()
            again = await two.claim("a")
            assert again is not None
            await claim.release()  # a second time: it must not take away what is another's by now
            assert await one.claim("a") is None

    asyncio.run(story())


@pytest.mark.usefixtures("patient")
def test_the_claim_of_a_worker_that_died_ends(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with opened(server.url) as one, opened(server.url) as two:
            monkeypatch.setattr("decodeat.stores.redis.CLAIM_SECONDS", 12.0)  # renewed after 4: a busy machine has 8
            held = await one.claim("held")
            await asyncio.sleep(0)  # its renewal begins
            monkeypatch.setattr("decodeat.stores.redis.CLAIM_SECONDS", 2.0)
            dead = await one.claim("dead")
            assert held is not None and dead is not None
            dead._renewal.cancel()  # type: ignore[attr-defined]  # what death does
            deadline = time.monotonic() + PATIENCE
            while await two.claim("dead") is None:
                assert time.monotonic() < deadline, "it goes on for ever"
                await asyncio.sleep(0.1)
            left = server.client.pttl("decodeat:claim:held")
            await until(lambda: server.client.pttl("decodeat:claim:held") > left, otherwise="it is not renewed")
            assert await two.claim("held") is None, "the one that lives goes on holding its claim"

    asyncio.run(story())


@pytest.mark.usefixtures("patient")
def test_a_time_out_between_two_claims_leaves_none_behind(server: RedisServer) -> None:
    """Take the first claim and get no answer for the second: other workers can still compute the first."""

    class StuckAtSecond(RedisCache):
        async def claim(self, key: str) -> Claim | None:
            if key == "second":
                await asyncio.Event().wait()
            return await super().claim(key)

    async def story() -> None:
        cache = StuckAtSecond(server.url)
        async with opened(server.url) as other:
            single_flight: SingleFlightCache[bytes] = SingleFlightCache("tested", cache, 60, encode=bytes, decode=bytes)

            async def make(keys: Sequence[str]) -> list[bytes | Failure]:
                raise AssertionError("never comes to it")

            found = await single_flight.fetch(["first", "second"], make, Deadline(0.5))
            assert [one.reason for one in found if isinstance(one, Failure)] == ["timeout", "timeout"]
            taken = await other.claim("first")
            assert taken is not None and taken is not NO_CLAIM
            await taken.release()
            await cache.close()

    asyncio.run(story())


LEFT_ALONE = 30.0  # seconds, far less than as many calls take that each wait for Redis


@pytest.mark.share(3)
@pytest.mark.parametrize("fault", ["killed", "paused", "full", "wrong password", "nobody listens"])
def test_whatever_is_wrong_with_it_nothing_fails_and_little_time_is_lost(server: RedisServer, fault: str) -> None:
    words = {
        "killed": "can't be reached", "paused": "does not answer", "full": "", "wrong password": "refuses the password",
        "nobody listens": "can't be reached",
    }[fault]  # fmt: skip

    async def story() -> None:
        url = server.url.replace(server.password, "guessed") if fault == "wrong password" else server.url
        async with opened("redis://127.0.0.1:9/0" if fault == "nobody listens" else url) as cache:
            await cache.put("a", b"1", 60)
            if fault == "killed":
                server.kill()
            if fault == "paused":
                server.pause()
            if fault == "full":
                server.client.config_set("maxmemory", "1mb")
            began = time.monotonic()
            for number in range(50):
                await cache.put(f"k{number}", b"x" * 1000, 60)
                await cache.get(f"k{number}")
            assert await cache.claim("c") is not None, "who can't ask others does the work"
            assert time.monotonic() - began < LEFT_ALONE < 100 * ANSWER_SECONDS
            condition = await cache.condition()
            assert (condition.ok, condition.needed) == (fault == "full", False)
            assert words in condition.detail and "127.0.0.1" not in condition.detail

    try:
        asyncio.run(story())
    finally:
        server.resume()


async def all_are_served(cache: RedisCache) -> bool:
    """Return whether as many at once as there were connections find what they have just stored."""
    await asyncio.gather(*(cache.put(f"n{number}", b"x", 60) for number in range(20)))
    return all(await asyncio.gather(*(cache.get(f"n{number}") for number in range(20))))


@pytest.mark.share(3)
@pytest.mark.parametrize("fault", ["killed", "paused"])
def test_when_it_is_back_it_is_asked_again(server: RedisServer, fault: str) -> None:
    async def story() -> None:
        async with opened(server.url) as cache:
            # Several connections, each of which will be a dead one.
            await asyncio.gather(*(cache.put(f"k{number}", b"x", 60) for number in range(20)))
            server.kill() if fault == "killed" else server.pause()
            await asyncio.gather(*(cache.get(f"k{number}") for number in range(20)))
            server.start() if fault == "killed" else server.resume()
            deadline = time.monotonic() + PATIENCE
            while not await all_are_served(cache):  # one answer that is late, and it is left alone for a while
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

    asyncio.run(story())


@dataclass
class World:
    """The service with two workers, what it talks to, and the pictures that are served to it."""

    running: Service
    gemini: model.Gemini
    vision: ocr.Vision
    site: Web

    def url(self, number: int) -> str:
        path = f"/{number}.png"
        return self.site.origin + path if path in self.site.routes else self.site.serve(path, numbered.picture(number))


@contextmanager
def world(directory: Path, server: RedisServer, **variables: str) -> Iterator[World]:
    with (
        ocr.serving(numbered.reads_numbers()) as vision,
        model.gemini(model.answers(numbered.answer)) as gemini,
        web() as site,
    ):
        settings: dict[str, Any] = {
            "READER": "vision", "VISION_ENDPOINT": vision.origin, "GEMINI_API_KEY": model.KEY,
            "GEMINI_ENDPOINT": gemini.origin, "IMAGE_ALLOWED_ORIGINS": site.origin, "WORKERS": "2",
            "REDIS_URL": server.url, "DATABASE_URL": f"sqlite:///{directory}/results.sqlite3", "REQUEST_TIMEOUT": "60",
        }  # fmt: skip
        with service(directory, **(settings | variables)) as running:
            yield World(running, gemini, vision, site)


@dataclass
class Seen:
    """Answers to requests under load: what was wrong with some, and how long each took in seconds."""

    wrong: list[str] = field(default_factory=list)
    not_completed: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        return sorted(self.took)[int(len(self.took) * share)]

    def __str__(self) -> str:
        lost = f"{len(self.wrong)} wrong, {len(self.not_completed)} not completed of {len(self.took)}"
        return f"{lost}, p50 {self.at(0.5):.3f} s, p99 {self.at(0.99):.3f} s"


async def ask(world: World, client: httpx.AsyncClient, number: int, seen: Seen) -> None:
    began = time.monotonic()
    address = f"{world.running.url}/api/v1/analyze"
    answer = await client.post(address, json={"image_urls": [world.url(number)], "product_id": number})
    took = time.monotonic() - began
    seen.took.append(took)
    body: dict[str, Any] = answer.json()
    if answer.status_code != 200 or (body["decodeStatus"] == "COMPLETED" and not numbered.is_right(number, body)):
        seen.wrong.append(f"{number}: {answer.status_code} {json.dumps(body, ensure_ascii=False)}")
    elif body["decodeStatus"] != "COMPLETED":
        seen.not_completed.append(f"{number} after {took:.1f} s: {body['message']}")


async def load(world: World, numbers: range, seen: Seen, ending: asyncio.Event) -> None:
    """Ask by eight clients without a pause; numbers come round, so that memory is asked too."""
    turns = itertools.count()
    async with httpx.AsyncClient(timeout=2 * PATIENCE, trust_env=False) as client:

        async def asking() -> None:
            while not ending.is_set():
                await ask(world, client, numbers[next(turns) * 7 % len(numbers)], seen)

        await asyncio.gather(*(asking() for _ in range(8)))


def patient_service(directory: Path) -> None:
    """Copy the service as one that does not give Redis up on a busy machine: its silence is not what is tested."""
    shutil.copytree(ROOT / "decodeat", directory / "decodeat", ignore=shutil.ignore_patterns("__pycache__"))
    module = directory / "decodeat" / "stores" / "redis.py"
    text = module.read_text()
    assert f"ANSWER_SECONDS = {ANSWER_SECONDS}" in text
    module.write_text(text.replace(f"ANSWER_SECONDS = {ANSWER_SECONDS}", f"ANSWER_SECONDS = {PATIENCE}"))


@pytest.mark.share(3)
def test_sixty_four_at_once_in_two_workers_cost_one_call(tmp_path: Path, server: RedisServer) -> None:
    """The reader answers once all are there; nobody is before the first answer.

    One worker may take all connections while the other one gets no processor time: then another picture is asked for.
    """
    patient_service(tmp_path)
    all_there = threading.Event()
    seen = Seen()

    with world(tmp_path, server, PYTHONPATH=str(tmp_path)) as whole:
        vision_call = whole.vision.script[0]

        def read_once_all_are_there(request: ocr.Request, context: Any) -> ocr.Response:
            assert all_there.wait(PATIENCE)
            return vision_call(request, context)

        def under_way() -> int:
            text = httpx.get(f"{whole.running.url}/metrics", timeout=PATIENCE, trust_env=False).text
            return sum(
                int(float(count)) for count in re.findall(r"^decodeat_analyses_(?:running|waiting) (.*)", text, re.M)
            )

        async def together(picture: int) -> None:
            limits = httpx.Limits(max_connections=64)
            async with httpx.AsyncClient(timeout=2 * PATIENCE, limits=limits, trust_env=False) as client:
                asking = asyncio.gather(*(ask(whole, client, picture, seen) for _ in range(64)))
                deadline = time.monotonic() + PATIENCE
                while (count := await asyncio.to_thread(under_way)) < 64:
                    assert time.monotonic() < deadline, count
                    await asyncio.sleep(0.05)
                all_there.set()
                await asking

        def had_some() -> int:
            lines = whole.running.log.read_text().splitlines()
            return len({json.loads(line)["pid"] for line in lines if '"/api/v1/analyze"' in line})

        whole.vision.script[:] = [read_once_all_are_there]
        for times in range(1, 21):
            all_there.clear()
            asyncio.run(together(4710 + times))
            assert (seen.wrong, seen.not_completed, len(seen.took)) == ([], [], 64 * times)
            assert (len(whole.vision.asked), len(whole.gemini.asked)) == (times, times)
            if had_some() == 2:
                break
        assert had_some() == 2, "both workers had some"


@pytest.mark.share(3)
@pytest.mark.timeout(600)
def test_redis_is_killed_and_paused_in_the_middle_of_a_load(
    tmp_path: Path, server: RedisServer, record_property: Callable[[str, object], None]
) -> None:
    """Each state lasts until many more requests were answered, and an outage until it was noticed."""
    seen = Seen()

    async def disturbed(whole: World) -> None:
        ending = asyncio.Event()
        running = asyncio.create_task(load(whole, range(200, 280), seen, ending))

        def lost() -> int:
            return whole.running.log.read_text().count("redis could not be asked")

        async def more(noticed: bool = False) -> None:
            enough, before = len(seen.took) + 60, lost()
            await until(lambda: running.done() or (len(seen.took) >= enough and lost() >= before + noticed))

        try:
            await more()
            server.kill()
            await more(noticed=True)
            server.start()
            await more()
            server.pause()
            await more(noticed=True)
            server.resume()
            await more()
        finally:
            server.resume()
            ending.set()
            await running

    with world(tmp_path, server) as whole:
        asyncio.run(disturbed(whole))
    record_property("measured", f"redis killed and paused under load: {seen}")
    assert (seen.wrong, seen.not_completed) == ([], [])
