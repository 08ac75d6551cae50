"""The server itself is killed, drained or told twice: streams end properly, intents are closed, nothing hangs."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from tests.faults.callers import ASK, call, caller
from tests.faults.conftest import Site
from tests.fix_process import until

pytestmark = pytest.mark.slow
STREAM = {"model": "slow", "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}


async def _begun(session: aiohttp.ClientSession, site: Site) -> aiohttp.ClientResponse:
    """A stream whose first bytes have arrived."""
    response = await session.post(
        f"{site.url}/v1/chat/completions", json=STREAM, headers={"Authorization": f"Bearer {site.key}"}
    )
    assert await response.content.readany()
    return response


def _status(site: Site, trace: str) -> list[str]:
    rows = site.program.rows("SELECT status FROM governance_decisions WHERE trace_id = %s", trace)
    return [row["status"] for row in rows]


async def test_killed_in_mid_stream_is_closed_as_lost_by_the_next_start(site: Site):
    async with caller() as session:
        response = await _begun(session, site)
        trace = response.headers["traceparent"].split("-")[1]
        assert _status(site, trace) == ["open"]
        site.process.signal(signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await response.read()
        assert site.process.wait(5) == -signal.SIGKILL
        with site.program.serving() as again:
            assert _status(site, trace) == ["lost"]
            assert (await call(session, again.url, site.key, "openai")).status == 200
    rows = site.program.rows("SELECT kind FROM audit_events WHERE trace_id = %s ORDER BY id", trace)
    assert [row["kind"] for row in rows] == ["intent", "lost"]


async def test_sigterm_lets_a_running_stream_end(site: Site):
    async with caller() as session:
        response = await _begun(session, site)
        trace = response.headers["traceparent"].split("-")[1]
        site.process.signal(signal.SIGTERM)
        with pytest.raises(aiohttp.ClientConnectionError):
            async with asyncio.timeout(3):
                while True:
                    async with aiohttp.ClientSession() as other, other.get(f"{site.url}/livez"):
                        await asyncio.sleep(0.02)
        rest = await response.read()
        assert b"ten" in rest
        assert rest.rstrip().endswith(b"data: [DONE]")
    assert site.process.wait(10) == 0
    assert _status(site, trace) == ["ok"]


async def test_second_signal_ends_at_once(site: Site):
    async with caller() as session:
        response = await _begun(session, site)
        site.process.signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert site.process.process.poll() is None
        began = time.monotonic()
        site.process.signal(signal.SIGTERM)
        assert site.process.wait(10) == 130
        assert time.monotonic() - began < 10
        response.close()


async def test_children_end_with_the_server_however_it_ends(site: Site):
    async with caller() as session:
        assert (await call(session, site.url, site.key, "mcp")).whole
    assert _children(site.process.process.pid)
    children = _children(site.process.process.pid)
    site.process.signal(signal.SIGKILL)
    site.process.wait(5)
    until(lambda: not [pid for pid in children if _alive(pid)], 10)


async def test_client_that_leaves_cancels_the_upstream_and_is_recorded(site: Site):
    async with caller() as session:
        response = await _begun(session, site)
        trace = response.headers["traceparent"].split("-")[1]
        response.close()
    until(lambda: _status(site, trace) == ["cancelled"])


async def test_database_lost_during_a_stream_keeps_its_outcome(site: Site):
    async with caller() as session:
        response = await _begun(session, site)
        trace = response.headers["traceparent"].split("-")[1]
        await asyncio.to_thread(site.cluster.kill)
        rest = await response.read()
        await asyncio.to_thread(site.cluster.start)
    assert b"[DONE]" not in rest
    assert b'"error"' in rest
    until(lambda: _status(site, trace) not in ([], ["open"]))


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_sigterm_ends_in_time_while_the_database_is_away(site: Site, how: str):
    async with caller() as session:
        assert (await call(session, site.url, site.key, "openai")).status == 200
    if how == "kill":
        await asyncio.to_thread(site.cluster.kill)
    else:
        site.cluster.pause()
    try:
        site.process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(site.process.wait, 30) == 0
    finally:
        if how == "kill":
            await asyncio.to_thread(site.cluster.start)
        else:
            site.cluster.resume()
    assert "Traceback" not in site.program.log()


async def test_server_does_not_start_while_the_database_is_away_and_says_why(site: Site):
    site.process.end()
    await asyncio.to_thread(site.cluster.kill)
    try:
        done = await asyncio.to_thread(site.program.run, "serve")
    finally:
        await asyncio.to_thread(site.cluster.start)
    assert done.returncode == 2
    assert "The database cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def _children(pid: int) -> list[int]:
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(word) for word in words]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
