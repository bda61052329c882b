"""What is outside and fails is tried again while there is time, and left alone while it is known to be down."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from decodeat import retry_after
from decodeat.breaker import Breaker, NoBreaker, State
from decodeat.deadline import Deadline
from decodeat.failure import Failure
from decodeat.upstream import GARBLED, RetryPolicy, Upstream
from tests.support.clock import Clock


class Down(Failure):
    """The kind that this upstream raises."""


BUSY, GONE, BAD = (
    Down("busy", "Busy.", transient=True),
    Down("unavailable", "Gone.", transient=True),
    Down("rejected", "No."),
)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock: the code here waits for time alone."""
    return Clock(monkeypatch)


PATIENT = RetryPolicy(5.0)


def upstream(retry_policy: RetryPolicy = PATIENT, breaker: Breaker | None = None) -> Upstream:
    return Upstream("tested", "The tested service", Down, retry_policy, breaker or NoBreaker())


def scripted(*script: object) -> tuple[Callable[[float], Awaitable[object]], list[float]]:
    """An attempt that raises or returns the next thing, the last one again and again; and the seconds it was given."""
    left, given_seconds = list(script), []

    async def attempt(seconds: float) -> object:
        given_seconds.append(seconds)
        step = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(step, float):
            await asyncio.sleep(step)
        if isinstance(step, Exception):
            raise step
        return step

    return attempt, given_seconds


Attempt = Callable[[float], Awaitable[object]]
Call = Callable[..., object]


@pytest.fixture
def call(clock: Clock) -> Call:
    def run(service: Upstream, attempt: Attempt, seconds: float = 10) -> object:
        async def work() -> object:
            return await service.call(attempt, Deadline(seconds))

        return clock.run(work())

    return run


@pytest.mark.parametrize(
    ("script", "answer", "calls"),
    [
        (["good"], "good", 1),
        ([BUSY, GONE, "good"], "good", 3),
        ([BAD, "good"], BAD, 1),
        ([Down(GARBLED, "?", transient=True), "good"], "good", 2),
        ([Down(GARBLED, "?", transient=True)], "?", 2),
    ],
)
def test_what_may_pass_is_tried_again(call: Call, script: list[object], answer: object, calls: int) -> None:
    attempt, seen = scripted(*script)
    if answer == "good":
        assert call(upstream(), attempt) == "good"
    else:
        with pytest.raises(Down, match=str(answer).replace("?", "[?]")):
            call(upstream(), attempt)
    assert len(seen) == calls


def test_it_ends_with_the_last_failure_when_the_time_is_up(call: Call, clock: Clock) -> None:
    attempt, seen = scripted(GONE)
    began = clock.now
    with pytest.raises(Down, match="Gone"):
        call(upstream(), attempt, seconds=10)
    assert len(seen) > 3
    assert clock.now - began < 10


def test_who_names_a_time_is_asked_then_and_not_before(call: Call, clock: Clock) -> None:
    attempt, _ = scripted(Down("busy", "Busy.", transient=True, retry_after=3.0), "good")
    began = clock.now
    assert call(upstream(), attempt) == "good"
    assert 3.0 <= clock.now - began <= 3.5


def test_who_names_a_time_after_the_deadline_is_not_waited_for(call: Call, clock: Clock) -> None:
    attempt, seen = scripted(Down("busy", "Busy.", transient=True, retry_after=60.0))
    began = clock.now
    with pytest.raises(Down, match="Busy"):
        call(upstream(), attempt)
    assert (len(seen), clock.now - began) == (1, 0)


def test_a_try_that_hangs_leaves_time_for_another(call: Call) -> None:
    attempt, seen = scripted(60.0, "good")
    assert call(upstream(), attempt, seconds=4.0) == "good"
    assert seen[0] == pytest.approx(4.0 * 0.6)
    assert 0 < seen[1] < 1.6


def test_no_try_lasts_longer_than_it_may(call: Call) -> None:
    attempt, seen = scripted(60.0)
    with pytest.raises(Down, match="did not answer in time"):
        call(upstream(RetryPolicy(0.1, tries=2)), attempt)
    assert seen == [0.1, 0.1]


def test_a_caller_that_goes_away_ends_the_try(clock: Clock) -> None:
    attempt, _ = scripted(60.0)

    async def leave() -> None:
        async with asyncio.timeout(0.1):
            await upstream(breaker=broken).call(attempt, Deadline(10))

    broken = Breaker(failures=1, seconds=0.0, longest=1.0)
    broken.failed()
    with pytest.raises(TimeoutError):
        clock.run(leave())
    assert broken.try_acquire() == 0.0, "the trial that was abandoned does not keep others out"


def test_a_mistake_of_ours_is_no_failure_of_theirs(call: Call) -> None:
    attempt, seen = scripted(KeyError("a bug"))
    with pytest.raises(KeyError):
        call(upstream(), attempt)
    assert len(seen) == 1


def test_who_is_down_is_left_alone_until_a_trial_succeeds(call: Call, clock: Clock) -> None:
    breaker = Breaker(failures=2, seconds=2.0, longest=8.0)
    service = upstream(RetryPolicy(5.0, tries=1), breaker)
    attempt, seen = scripted(GONE, GONE, "good")
    for _ in range(2):
        with pytest.raises(Down, match="Gone"):
            call(service, attempt)
    assert breaker.state.name == "OPEN"
    with pytest.raises(Down, match="not available"):
        call(service, attempt, seconds=1.0)
    assert len(seen) == 2
    began = clock.now
    assert call(service, attempt) == "good"  # waits for its chance: there is time
    assert 2.0 <= clock.now - began <= 2.1
    assert breaker.state is State.CLOSED


def test_who_need_not_wait_does_not(call: Call) -> None:
    breaker = Breaker(failures=1, seconds=5.0, longest=5.0)
    breaker.failed()
    attempt, seen = scripted("good")
    with pytest.raises(Down, match="not available"):
        call(upstream(RetryPolicy(5.0, wait_for_breaker=False), breaker), attempt)
    assert seen == []


def test_calls_and_their_ends_are_counted(call: Call) -> None:
    def counted(outcome: str) -> float:
        return (
            REGISTRY.get_sample_value("decodeat_upstream_calls_total", {"upstream": "tested", "outcome": outcome}) or 0
        )

    before = {outcome: counted(outcome) for outcome in ("ok", "busy")}
    attempt, _ = scripted(BUSY, "good")
    call(upstream(), attempt)
    assert {outcome: counted(outcome) - before[outcome] for outcome in before} == {"ok": 1, "busy": 1}


def test_a_breaker_lets_one_trial_through_and_opens_for_longer_each_time(clock: Clock) -> None:
    breaker = Breaker(failures=3, seconds=1.0, longest=3.0)
    for _ in range(2):
        breaker.failed()
        assert breaker.try_acquire() == 0.0
    breaker.failed()
    waits = [breaker.try_acquire()]
    for _ in range(3):
        clock.now += waits[-1]
        assert (breaker.state, breaker.try_acquire()) == (State.HALF_OPEN, 0.0)
        assert breaker.try_acquire() > 0.0, "one trial at a time"
        breaker.failed()
        waits.append(breaker.try_acquire())
    assert waits == [1.0, 2.0, 3.0, 3.0]


def test_calls_that_fail_together_are_one_outage(clock: Clock) -> None:
    breaker = Breaker(failures=2, seconds=1.0, longest=60.0)
    for _ in range(10):
        breaker.failed()
    assert breaker.try_acquire() == 1.0
    clock.now += 1.0
    assert breaker.try_acquire() == 0.0
    for _ in range(10):
        breaker.failed()
    assert breaker.try_acquire() == 2.0, "the trial failed once"


def test_a_breaker_believes_who_asks_for_time_up_to_a_bound() -> None:
    breaker = Breaker(failures=5, seconds=1.0, longest=10.0)
    breaker.failed(hold=4.0)
    assert breaker.try_acquire() == 4.0
    breaker.failed(hold=3600.0)
    assert breaker.try_acquire() == 10.0


@given(st.lists(st.sampled_from(["failed", "succeeded", "release_trial", "try_acquire"]), max_size=40))
def test_a_breaker_never_keeps_everybody_out_for_ever(events: list[str]) -> None:
    """Whatever happened, once the longest time has passed somebody may try, and a success closes it."""
    now = 100.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("decodeat.breaker.time.monotonic", lambda: now)
        breaker = Breaker(failures=2, seconds=1.0, longest=4.0)
        held = False
        for event in events:
            if event == "try_acquire":
                held = breaker.try_acquire() == 0.0 or held
            else:
                getattr(breaker, event)()
                held = False
            assert 0.0 <= breaker.try_acquire() <= 4.0
        if held:
            breaker.release_trial()
        breaker.release_trial()
        now += 4.0
        assert breaker.try_acquire() == 0.0
        breaker.succeeded()
        assert (breaker.state, breaker.try_acquire()) == (State.CLOSED, 0.0)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("0", 0, 0), ("120", 120, 120), (" 5 ", 5, 5), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)],
)
def test_times_to_try_again(header: str, least: float, most: float) -> None:
    seconds = retry_after.seconds(header)
    assert seconds is not None and least <= seconds <= most


def test_a_date_to_come_is_seconds_from_now() -> None:
    header = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    seconds = retry_after.seconds(header)
    assert seconds is not None and 95 < seconds <= 100


@given(st.text(max_size=40))
def test_any_header_is_a_time_or_none(header: str) -> None:
    seconds = retry_after.seconds(header)
    assert seconds is None or seconds >= 0
