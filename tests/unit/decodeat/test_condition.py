"""Test that the result of a health check is cached, and that ordinary work counts for more than a slow check."""

import asyncio

from decodeat.condition import CachedHealthCheck, Condition


def test_what_work_shows_during_a_check_outlives_the_check() -> None:
    """The check began before the outage, and its answer comes after it."""

    async def story() -> None:
        began, answer = asyncio.Event(), asyncio.Event()

        async def probe() -> Condition:
            began.set()
            await answer.wait()
            return Condition(True, "of before")

        health = CachedHealthCheck(probe, 60.0)
        asked = asyncio.create_task(health.condition())
        await began.wait()
        health.update(Condition(False, "of now"))
        answer.set()
        assert (await asked, await health.condition()) == (Condition(False, "of now"),) * 2

    asyncio.run(story())
