"""The database is killed, paused, cut off, read-only, a standby: calls are refused, nothing leaves, service returns."""

import asyncio

import aiohttp
import pytest

from tests.faults.callers import CALLS, PATIENCE, Load, call, caller, check_answers, check_record
from tests.faults.conftest import Site

pytestmark = pytest.mark.slow


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as response:
        await response.read()
        return response.status


async def _ready(site: Site, wanted: int, seconds: float = 20.0) -> None:
    async with caller() as session, asyncio.timeout(seconds):
        while await _status(session, f"{site.url}/readyz") != wanted:
            await asyncio.sleep(0.05)


async def test_killed_postgres_refuses_calls_and_service_returns(site: Site):
    async with Load(site.url, site.key).running() as load:
        await load.answered(3, status=200)
        await asyncio.to_thread(site.cluster.kill)
        await load.answered(3, status=503)
        before = len(site.provider.received)
        await load.answered(2, status=503)
        assert len(site.provider.received) == before
        async with caller() as session:
            assert await _status(session, f"{site.url}/livez") == 200
            assert await _status(session, f"{site.url}/readyz") == 503
        await asyncio.to_thread(site.cluster.start)
        await load.answered(3, status=200)
    await _ready(site, 200)
    check_answers(load.answers)
    await check_record(site.program, site.provider, load.answers)


async def test_paused_postgres_refuses_calls_in_bounded_time(site: Site):
    async with Load(site.url, site.key).running() as load:
        await load.answered(3, status=200)
        site.cluster.pause()
        try:
            async with caller() as session:
                unknown = await call(session, site.url, f"sp_aaaaaaaaaa_{'A' * 43}", "openai")
                assert (unknown.status, unknown.retry_after != "") == (503, True)
                assert unknown.seconds < PATIENCE
            await load.answered(2, status=503)
            before = len(site.provider.received)
            await load.answered(2, status=503)
            assert len(site.provider.received) == before
            async with caller() as session:
                assert await _status(session, f"{site.url}/livez") == 200
            await _ready(site, 503)
        finally:
            site.cluster.resume()
        await load.answered(3, status=200)
    check_answers(load.answers)
    await check_record(site.program, site.provider, load.answers)


async def test_cut_connections_lose_nothing(site: Site):
    async with Load(site.url, site.key).running() as load:
        for _ in range(6):
            await load.answered(2, status=200)
            site.cluster.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sallyport%'"
            )
        await load.answered(2, status=200)
    check_answers(load.answers)
    await check_record(site.program, site.provider, load.answers)


async def test_read_only_database_refuses_calls(site: Site):
    async with Load(site.url, site.key).running() as load:
        await load.answered(2, status=200)
        site.cluster.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        site.cluster.execute("SELECT pg_reload_conf()")
        try:
            await load.answered(3, status=503)
            before = len(site.provider.received)
            await load.answered(2, status=503)
            assert len(site.provider.received) == before
            await _ready(site, 503)
        finally:
            site.cluster.execute("ALTER SYSTEM RESET ALL")
            site.cluster.execute("SELECT pg_reload_conf()")
        await load.answered(3, status=200)
    check_answers(load.answers)
    await check_record(site.program, site.provider, load.answers)


async def test_standby_is_never_written_to_and_its_promotion_restores_service(site: Site):
    async with Load(site.url, site.key).running() as load:
        await load.answered(2, status=200)
        await asyncio.to_thread(site.cluster.stop)
        site.cluster.become_standby()
        await asyncio.to_thread(site.cluster.start)
        await load.answered(3, status=503)
        await _ready(site, 503)
        site.cluster.promote()
        await load.answered(3, status=200)
    check_answers(load.answers)
    await check_record(site.program, site.provider, load.answers)


async def test_memory_does_not_grow_while_calls_are_refused(site: Site):
    async with caller() as session:

        async def refused(number: int) -> None:
            for _ in range(number // 40):
                answers = await asyncio.gather(
                    *(call(session, site.url, site.key, door) for door in CALLS for _ in range(10))
                )
                assert {answer.status for answer in answers} == {503}

        assert (await call(session, site.url, site.key, "openai")).status == 200
        await asyncio.to_thread(site.cluster.kill)
        try:
            await _ready(site, 503)
            await refused(1000)
            before = site.process.memory()
            await refused(4000)
            grown = site.process.memory() - before
        finally:
            await asyncio.to_thread(site.cluster.start)
        await _ready(site, 200)
        assert (await call(session, site.url, site.key, "openai")).status == 200
    assert grown < 4 * 1024 * 1024
    assert len(site.provider.received) == 2
