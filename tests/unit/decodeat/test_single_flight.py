"""What many ask for at once is made once, for all of them; failures pass, and nothing that was remembered is wrong."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.failure import Failure
from decodeat.stores.cache import NO_CLAIM, Claim, MemoryCache
from decodeat.stores.single_flight import SingleFlightCache
from tests.support.clock import run
from tests.support.examples import examples

PASSING, LASTING = Failure("busy", "Busy.", transient=True), Failure("blocked", "No.")


def single_flight(cache: MemoryCache | None = None, seconds: float = 60) -> SingleFlightCache[str]:
    return SingleFlightCache("tested", cache or MemoryCache(), seconds, encode=str.encode, decode=bytes.decode)


class Maker:
    """Makes KEY! of key after a while; `script` holds what it does instead, call by call."""

    def __init__(self, *script: object, seconds: float = 0.02) -> None:
        self.script = list(script)
        self.calls: list[list[str]] = []
        self.seconds = seconds

    async def __call__(self, keys: Sequence[str]) -> list[str | Failure]:
        self.calls.append(list(keys))
        await asyncio.sleep(self.seconds)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        return list(step) if isinstance(step, list) else [f"{key}!" for key in keys]


def test_sixty_four_at_once_cost_one_call() -> None:
    async def story() -> tuple[list[list[str | Failure]], Maker]:
        remembered, maker = single_flight(), Maker()
        found = await asyncio.gather(*(remembered.fetch(["a"], maker, Deadline(5)) for _ in range(64)))
        return found, maker

    found, maker = run(story())
    assert found == [["a!"]] * 64
    assert maker.calls == [["a"]]


def test_one_call_makes_all_that_is_missing_and_nothing_twice() -> None:
    async def story() -> tuple[list[object], Maker]:
        remembered, maker = single_flight(), Maker()
        first = await remembered.fetch(["a"], maker, Deadline(5))
        second = await remembered.fetch(["a", "b", "c", "b"], maker, Deadline(5))
        return [*first, *second], maker

    found, maker = run(story())
    assert found == ["a!", "a!", "b!", "c!", "b!"]
    assert maker.calls == [["a"], ["b", "c"]]


def test_pictures_that_overlap_are_each_made_once() -> None:
    async def story() -> tuple[list[list[str | Failure]], Maker]:
        remembered, maker = single_flight(), Maker()
        pairs = (["a", "b"], ["b", "c"], ["c", "a"])
        return await asyncio.gather(*(remembered.fetch(pair, maker, Deadline(5)) for pair in pairs)), maker

    found, maker = run(story())
    assert found == [["a!", "b!"], ["b!", "c!"], ["c!", "a!"]]
    assert sorted(key for call in maker.calls for key in call) == ["a", "b", "c"]


@pytest.mark.parametrize("failure", [LASTING, PASSING])
def test_a_failure_is_shared_and_forgotten(failure: Failure) -> None:
    async def story() -> tuple[list[list[str | Failure]], list[str | Failure], Maker]:
        remembered, maker = single_flight(), Maker(failure, failure, failure)
        together = await asyncio.gather(*(remembered.fetch(["a"], maker, Deadline(5)) for _ in range(3)))
        maker.script.clear()
        return together, await remembered.fetch(["a"], maker, Deadline(5)), maker

    together, after, maker = run(story())
    assert together == [[failure]] * 3
    assert after == ["a!"]
    # Who only waited tries once more when that may help: each of them, one after the other, may have had more time.
    assert len(maker.calls) == (2 if failure is LASTING else 4)


def test_a_failure_of_one_leaves_the_other_alone() -> None:
    async def story() -> tuple[list[str | Failure], str | None, str | None]:
        remembered = single_flight()
        found = await remembered.fetch(["a", "b"], Maker([LASTING, "b!"]), Deadline(5))
        return found, await remembered.get("a"), await remembered.get("b")

    assert run(story()) == ([LASTING, "b!"], None, "b!")


def test_who_leads_and_goes_away_leaves_the_others_what_they_wait_for() -> None:
    async def story() -> tuple[list[str | Failure], Maker]:
        remembered, maker = single_flight(), Maker(seconds=0.2)
        leader = asyncio.create_task(remembered.fetch(["a"], maker, Deadline(5)))
        await asyncio.sleep(0.05)
        follower = asyncio.create_task(remembered.fetch(["a"], maker, Deadline(5)))
        await asyncio.sleep(0.05)
        leader.cancel()
        return await follower, maker

    found, maker = run(story())
    assert (found, maker.calls) == (["a!"], [["a"]])


def test_who_has_more_time_than_the_leader_goes_on() -> None:
    async def story() -> tuple[object, object]:
        remembered, maker = single_flight(), Maker(seconds=0.3)
        leader = asyncio.create_task(remembered.fetch(["a"], maker, Deadline(0.1)))
        await asyncio.sleep(0.02)
        follower = asyncio.create_task(remembered.fetch(["a"], maker, Deadline(5)))
        return (await leader)[0], (await follower)[0]

    led, followed = run(story())
    assert isinstance(led, Failure) and led.reason == "timeout"
    assert followed == "a!"


def test_a_mistake_of_ours_reaches_everybody_and_is_not_remembered() -> None:
    async def story() -> tuple[list[object], list[str | Failure]]:
        remembered, maker = single_flight(), Maker(KeyError("a bug"))
        together = await asyncio.gather(
            *(remembered.fetch(["a"], maker, Deadline(5)) for _ in range(3)), return_exceptions=True
        )
        return list(together), await remembered.fetch(["a"], maker, Deadline(5))

    together, after = run(story())
    assert [type(one) for one in together] == [KeyError] * 3
    assert after == ["a!"]


def test_nothing_is_remembered_for_no_time_at_all() -> None:
    async def story() -> Maker:
        remembered, maker = single_flight(seconds=0), Maker()
        for _ in range(2):
            assert await remembered.fetch(["a"], maker, Deadline(5)) == ["a!"]
        return maker

    assert run(story()).calls == [["a"], ["a"]]


def test_what_can_t_be_read_is_made_anew() -> None:
    async def story() -> list[str | Failure]:
        cache = MemoryCache()
        await cache.put("a", b"\xff\xfe", 60)
        return await single_flight(cache).fetch(["a"], Maker(), Deadline(5))

    assert run(story()) == ["a!"]


class Elsewhere(MemoryCache):
    """A cache shared with another worker that holds the claim for a while, and leaves its result or dies."""

    def __init__(self, seconds: float, result: bytes | None) -> None:
        super().__init__()
        self._seconds = seconds
        self._result = result
        self._until: float | None = None

    async def claim(self, key: str) -> Claim | None:
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._seconds
        if now < self._until:
            return None
        if self._result is not None:
            await self.put(key, self._result, 60)
        return NO_CLAIM


@pytest.mark.parametrize(("result", "calls"), [(b"theirs", []), (None, [["a"]])])
def test_what_another_worker_is_making_is_waited_for(result: bytes | None, calls: list[list[str]]) -> None:
    async def story() -> tuple[list[str | Failure], Maker]:
        maker = Maker()
        return await single_flight(Elsewhere(3.0, result)).fetch(["a"], maker, Deadline(5)), maker

    found, maker = run(story())
    assert (found, maker.calls) == ([result.decode() if result else "a!"], calls)


class Lender(MemoryCache):
    """Record which claims of a shared cache are held; `stuck` names the call that never ends: claiming or releasing."""

    def __init__(self, *stuck: str) -> None:
        super().__init__()
        self.held: set[str] = set()
        self.stuck = stuck

    async def claim(self, key: str) -> Claim | None:
        if f"claim {key}" in self.stuck:
            await asyncio.sleep(3600)
        self.held.add(key)
        return Lent(self, key)


class Lent:
    def __init__(self, lender: Lender, key: str) -> None:
        self._lender = lender
        self._key = key

    async def release(self) -> None:
        self._lender.held.discard(self._key)
        if f"release {self._key}" in self._lender.stuck:
            await asyncio.sleep(3600)


@pytest.mark.parametrize("stuck", ["claim b", "claim c", "release a", "release c", "nothing"])
@pytest.mark.parametrize("end", ["deadline", "closed", "a bug"])
def test_every_claim_is_given_back_however_it_ends(stuck: str, end: str) -> None:
    async def story() -> set[str]:
        cache = Lender(stuck)
        script = KeyError("a bug") if end == "a bug" else None
        maker = Maker(script, seconds=0.02 if script or stuck.startswith("release") else 3600)
        remembered = single_flight(cache)
        seconds = 0.3 if end == "deadline" else 60.0
        asked = asyncio.create_task(remembered.fetch(["a", "b", "c"], maker, Deadline(seconds)))
        await asyncio.wait((asked,), timeout=60 if end == "deadline" else 0.1)
        await asyncio.wait_for(remembered.close(), 60)
        await asyncio.wait_for(asyncio.gather(asked, return_exceptions=True), 60)
        return cache.held

    assert run(story()) == set()


def test_who_waits_for_what_never_began_is_told_when_it_is_given_up() -> None:
    async def story() -> None:
        remembered = single_flight()
        asked = asyncio.create_task(remembered.fetch(["a"], Maker(), Deadline(60)))
        while not remembered._tasks:
            await asyncio.sleep(0)
        for task in remembered._tasks:
            task.cancel()  # before its first step
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asked, 10)

    run(story())


@settings(max_examples=examples(50))
@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=3), st.booleans()), max_size=12))
def test_however_requests_overlap_each_gets_its_own(requests: list[tuple[list[str], bool]]) -> None:
    """Some of them give up at once; the others are answered rightly, in order."""

    async def story() -> None:
        remembered, maker = single_flight(), Maker(seconds=0.001)
        tasks = [asyncio.create_task(remembered.fetch(keys, maker, Deadline(5))) for keys, _ in requests]
        await asyncio.sleep(0)
        for task, (_, leaves) in zip(tasks, requests, strict=True):
            if leaves:
                task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for (keys, leaves), got in zip(requests, found, strict=True):
            assert leaves or got == [f"{key}!" for key in keys]
        await remembered.close()

    run(story())


def test_memory_is_bounded_and_forgets_in_time() -> None:
    async def story() -> None:
        cache = MemoryCache(most=10_000)
        for number in range(100):
            await cache.put(f"k{number}", b"x" * 500, 60)
        kept = [number for number in range(100) if await cache.get(f"k{number}")]
        assert 5 < len(kept) <= 14 and kept == list(range(100 - len(kept), 100))
        await cache.put("big", b"x" * 20_000, 60)
        assert await cache.get("big") is None
        await cache.put("long", b"x", 600)
        await cache.put("short", b"x", 0.05)
        await asyncio.sleep(0.1)
        assert (await cache.get("long"), await cache.get("short")) == (b"x", None)
        assert await cache.condition() == Condition(True, "in each worker's memory")

    asyncio.run(story())
