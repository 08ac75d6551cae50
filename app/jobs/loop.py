"""Run periodic jobs until cancelled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

log = logging.getLogger(__name__)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`work` every `seconds`, or at once when `wake` is set. Failure rule: logged, tried again at the next turn."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[object]]
    wake: asyncio.Event | None = None


async def run_jobs(jobs: Sequence[Job]) -> None:
    """Run all jobs side by side until cancelled."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_run(job), name=f"job {job.name}")


async def _run(job: Job) -> None:
    quiet = False
    task = asyncio.current_task()
    # Asked and not only caught: until Python 3.12 `asyncio.wait_for`, which the pool waits with, can swallow it.
    while task is None or not task.cancelling():
        await _pause(job)
        try:
            await job.work()
            quiet = False
        except Exception as error:
            if not quiet:
                log.warning("job %s: %s", job.name, error, exc_info=log.isEnabledFor(logging.DEBUG))
            quiet = True


async def _pause(job: Job) -> None:
    if job.wake is None:
        await asyncio.sleep(job.seconds)
        return
    try:
        async with asyncio.timeout(job.seconds):
            await job.wake.wait()
    except TimeoutError:
        pass
    job.wake.clear()
