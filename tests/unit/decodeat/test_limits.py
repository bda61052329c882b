"""Given a limit, each client may ask so often a minute, whichever worker it meets, and Redis may come and go."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY

from decodeat import values
from decodeat.api import limits
from decodeat.api.limits import Limiter
from decodeat.main import create
from decodeat.settings import Settings
from tests.servers.redis import RedisServer, redis_server
from tests.support.clock import Clock, Standing
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.test_access import DIGESTS, KEYS, PATH, REFUSED


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
def redis(server: RedisServer) -> RedisServer:
    server.client.flushall()
    return server


@pytest.fixture(autouse=True)
def _a_busy_machine_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis enough time on a busy machine; other tests cover a Redis that doesn't answer."""
    monkeypatch.setattr(limits, "PATIENCE", PATIENCE)


def run(work: Callable[..., Awaitable[None]], *limiters: Limiter) -> None:
    async def go() -> None:
        try:
            await work(*limiters)
        finally:
            for limiter in limiters:
                await limiter.close()

    asyncio.run(go())


def fallbacks() -> float:
    return REGISTRY.get_sample_value("decodeat_limit_fallbacks_total") or 0.0


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
def test_each_client_has_its_own_count(redis: RedisServer, shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)

    async def work(limiter: Limiter) -> None:
        assert [await limiter.hit("key:a") for _ in range(3)] == [0, 0, 0]
        assert {await limiter.hit("key:a") for _ in range(5)} == {60}
        assert await limiter.hit("key:b") == 0

    run(work, Limiter(3, redis.url if shared else ""))


@pytest.mark.parametrize("shared", [True, False], ids=["redis", "memory"])
def test_retry_after_is_exact_and_trying_again_too_soon_does_not_lengthen_it(
    redis: RedisServer, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serve a client that waits as long as told, and not one that waits a second less."""
    clock = Clock(monkeypatch)

    async def work(limiter: Limiter) -> None:
        await limiter.hit("a")
        clock.now += 20.2
        await limiter.hit("a")
        told = await limiter.hit("a")
        assert told == 40  # the first one leaves the window after 39.8 s
        clock.now += told - 1
        assert await limiter.hit("a") == 1
        clock.now += 1
        assert await limiter.hit("a") == 0

    run(work, Limiter(2, redis.url if shared else ""))


def test_workers_count_together_also_at_the_same_moment(redis: RedisServer) -> None:
    async def work(*workers: Limiter) -> None:
        waits = await asyncio.gather(*(worker.hit("a") for worker in workers for _ in range(40)))
        assert sum(wait == 0 for wait in waits) == 25

    run(work, Limiter(25, redis.url), Limiter(25, redis.url))
    assert fallbacks() == 0


def test_redis_holds_no_address_and_forgets_in_a_minute(redis: RedisServer) -> None:
    async def work(one: Limiter, other: Limiter) -> None:
        await one.hit("address:203.0.113.7")
        await other.hit("address:203.0.113.7")

    run(work, Limiter(5, redis.url, b"one secret"), Limiter(5, redis.url, b"another"))
    with redis.client as client:
        names = client.keys("*")
        assert len(names) == 2, "the secret changes the name: nobody without it can try all addresses"
        assert all(name.startswith(b"decodeat:limit:") and b"203.0" not in name for name in names)
        assert all(0 < client.ttl(name) <= 60 for name in names)


def test_a_unix_socket_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    with redis_server("--unixsocket", "redis.sock") as server:

        async def work(*limiters: Limiter) -> None:
            assert [await limiter.hit("a") for limiter in limiters] == [0, 60]

        url = f"unix://{server.directory}/redis.sock?password={server.password}"
        run(work, Limiter(1, url), Limiter(1, server.url))


def stopped(server: RedisServer) -> None:
    server.kill()


def paused(server: RedisServer) -> None:
    server.pause()


def full(server: RedisServer) -> None:
    server.client.config_set("maxmemory", 1)


LONGEST = 5.0  # seconds for which Redis is left alone


@pytest.mark.parametrize("breaks", [stopped, paused, full])
def test_while_redis_is_away_the_worker_counts_alone_and_then_together_again(
    breaks: Callable[[RedisServer], None], record_property: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock by which Redis is left alone is the test's, so that a slow machine asks no more often."""
    clock = Standing()
    monkeypatch.setattr("decodeat.breaker.time", clock)
    with redis_server() as server:

        async def work(limiter: Limiter) -> None:
            assert await limiter.hit("a") == 0
            breaks(server)
            monkeypatch.setattr(limits, "PATIENCE", 1.0)
            before, began = fallbacks(), time.monotonic()
            # The calls don't wait for each other: all have their answer when the first one has.
            waits = await asyncio.gather(*(limiter.hit("b") for _ in range(10)))
            took = time.monotonic() - began
            record_property("measured", f"Redis {breaks.__name__}: 10 clients at once counted in {took * 1000:.0f} ms")
            assert sum(wait == 0 for wait in waits) == 3
            assert fallbacks() == before + 1, "ten clients met one failure"
            assert await limiter.hit("c") == 0
            assert fallbacks() == before + 1, "it must not be asked again at once"
            server.resume() if breaks is paused else server.restart()
            monkeypatch.setattr(limits, "PATIENCE", PATIENCE)
            clock.now += LONGEST
            waits = [await limiter.hit("d") for _ in range(4)]
            assert waits[:3] == [0, 0, 0] and 0 < waits[3] <= 60
            assert fallbacks() == before + 1, "Redis has counted them"
            assert server.client.dbsize() >= 1

        run(work, Limiter(3, server.url))


def test_redis_that_was_never_there_or_lets_us_not_in_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)

    async def work(*limiters: Limiter) -> None:
        for limiter in limiters:
            assert [await limiter.hit("a") for _ in range(3)] == [0, 0, 60]

    with redis_server() as server:
        strange = server.url.replace(server.password, "not-the-password")
        run(
            work, Limiter(2, strange), Limiter(2, "redis://127.0.0.1:9/0"), Limiter(2, "redis://no.such.host.invalid/0")
        )


def asked(client: TestClient, headers: Mapping[str, str], times: int) -> list[int]:
    return [client.post(PATH, json=REFUSED, headers=headers).status_code for _ in range(times)]


def test_429_says_when_to_come_back_and_only_analyses_are_counted(redis: RedisServer) -> None:
    config = Settings(api_rate_limit=2, redis_url=redis.url, cors_origins=("https://shop.kr",))
    with TestClient(create(config)) as client:
        assert asked(client, {}, 2) == [200, 200]
        answer = client.post(PATH, json=REFUSED, headers={"Origin": "https://shop.kr"})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert set(answer.json()) == {"detail"} and "At most 2 analyses a minute" in answer.json()["detail"]
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        for path in ("/health", "/ready", "/metrics", "/openapi.json"):
            assert [client.get(path).status_code for _ in range(4)] == [200] * 4


def test_guessing_is_limited_by_address_and_who_has_a_key_there_is_not_shut_out() -> None:
    with TestClient(create(Settings(api_rate_limit=3, api_keys=DIGESTS)), client=("203.0.113.7", 1)) as client:
        assert asked(client, {"X-API-Key": "guess-0123456789"}, 5) == [401, 401, 401, 429, 429]
        assert asked(client, {}, 1) == [429]
        assert asked(client, {"X-API-Key": KEYS[0]}, 4) == [200, 200, 200, 429]
        assert asked(client, {"X-API-Key": KEYS[1]}, 1) == [200]


def test_addresses_are_counted_apart_and_a_proxy_without_any_not_at_all() -> None:
    app = create(Settings(api_rate_limit=1))
    with TestClient(app, client=("203.0.113.7", 1)) as one:
        assert asked(one, {}, 2) == [200, 429]
        assert asked(TestClient(app, client=("203.0.113.8", 1)), {}, 2) == [200, 429]
        assert asked(TestClient(app, client=("2001:db8::1", 1)), {}, 1) == [200]
        assert asked(TestClient(app, client=("2001:db8::2", 1)), {}, 1) == [429]
        assert asked(TestClient(app, client=None), {}, 3) == [200] * 3  # type: ignore[arg-type]  # some servers know no address


def test_digests_of_keys_are_what_clients_are_counted_by(redis: RedisServer) -> None:
    digests = values.key_digests(f"sha256:{DIGESTS[0]}")
    config = Settings(api_rate_limit=1, api_keys=digests, redis_url=redis.url)
    with TestClient(create(config)) as one, TestClient(create(config)) as other:
        assert asked(one, {"X-API-Key": KEYS[0]}, 1) + asked(other, {"X-API-Key": KEYS[0]}, 1) == [200, 429]
