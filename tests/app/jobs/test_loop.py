"""Periodic jobs."""

import asyncio

from app.jobs import Job, run_jobs


async def test_a_job_that_swallows_its_cancellation_still_ends():
    begun = asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return

    jobs = asyncio.ensure_future(run_jobs([Job(name="stubborn", seconds=0.01, work=stubborn)]))
    await begun.wait()
    jobs.cancel()
    done, _ = await asyncio.wait({jobs}, timeout=1)
    assert done == {jobs}


async def test_a_job_that_fails_runs_again():
    runs = 0
    again = asyncio.Event()

    async def failing() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            again.set()
        raise ValueError

    jobs = asyncio.ensure_future(run_jobs([Job(name="failing", seconds=0.01, work=failing)]))
    async with asyncio.timeout(5):
        await again.wait()
    jobs.cancel()
    await asyncio.wait({jobs})
