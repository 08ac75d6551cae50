"""Providers that fail, hang and lie, clients that go away: each ends in one clear error and one outcome."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.db import connect
from app.demo.script import Fault, Script
from tests.fix_gateway import GatewaySite, gateway_site
from tests.simulators.raw_server import CLOSE, answer, raw_server

ASK = {"messages": [{"role": "user", "content": "hello there"}], "max_tokens": 50}
FAULTS: tuple[Fault, ...] = (
    "reset",
    "hang",
    "half_event",
    "end_early",
    "long_line",
    "garbage",
    "error_event",
)
SCRIPTS = {f"{family}-{fault}": Script(fault=fault) for family in ("gpt", "claude") for fault in FAULTS}
SCRIPTS["gpt-slow"] = Script(text="word " * 600, pace=0.05)
SCRIPTS["claude-late"] = Script(delay=30)
PATHS = {"gpt": "/v1/chat/completions", "claude": "/v1/messages"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("family", ["gpt", "claude"])
async def test_a_stream_that_fails_ends_with_the_dialects_error_event(database: str, family: str, fault: str):
    async with gateway_site(database, scripts=SCRIPTS, timeout=0.5) as site:
        model = f"{family}-{fault}"
        status, body, _ = await site.post(PATHS[family], {**ASK, "model": model, "stream": True})
        assert status == 200
        events = [json.loads(part.split(b"\n")[0]) for part in body.split(b"data: ")[1:]]
        assert "error" in events[-1]
        assert [event for event in events if "error" in event] == events[-1:]
        assert b"[DONE]" not in body
        assert b"message_stop" not in body
        [(outcome, error, tokens)] = await site.rows("status, error, output_tokens > 0")
        assert (outcome, tokens) == ("error", True)
        assert error
        assert await site.rows("count(*)", table="audit_events WHERE kind = 'outcome' GROUP BY time") == [
            (1,)
        ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("reset", 502, "upstream_closed"),
        ("hang", 504, "upstream_timeout"),
        ("garbage", 502, "upstream_protocol"),
    ],
)
async def test_an_answer_that_fails_is_an_error_of_the_dialect(
    database: str, fault: str, status: int, code: str
):
    async with gateway_site(database, scripts=SCRIPTS, timeout=0.5) as site:
        got, body, _ = await site.post(PATHS["gpt"], {**ASK, "model": f"gpt-{fault}"})
        assert (got, json.loads(body)["error"]["code"]) == (status, code)
        got, body, _ = await site.post(PATHS["claude"], {**ASK, "model": f"claude-{fault}"})
        assert (got, json.loads(body)["code"]) == (status, code)
        assert await site.rows("status") == [("error",), ("error",)]


async def test_a_provider_that_is_away_is_502_and_recorded(database: str):
    async with gateway_site(database, url="http://127.0.0.1:9") as site:
        status, body, _ = await site.post(PATHS["gpt"], {**ASK, "model": "gpt"})
        assert (status, json.loads(body)["error"]["code"]) == (502, "upstream_connect")
        assert await site.rows("status, microdollars") == [("error", 0)]


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("HTTP/1.1 401 Unauthorized", b'{"error": {"message": "bad key"}}', 502),
        ("HTTP/1.1 403 Forbidden", b'{"error": {"message": "bad key"}}', 502),
        ("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/", b"", 502),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", b"\x1f\x8b", 502),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html", b"<html>", 502),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream", b"", 502),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream", b"data: [1]\n\n", 502),
        ("HTTP/1.1 422 Unprocessable", b"weird", 422),
    ],
)
async def test_strange_answers_never_reach_the_client_as_success(
    database: str, head: str, body: bytes, status: int
):
    async with (
        raw_server(lambda _n, _r: [answer(body, head=head)]) as server,
        gateway_site(database, url=server.url) as site,
    ):
        got, said, headers = await site.post(PATHS["gpt"], {**ASK, "model": "gpt", "stream": True})
        assert got == status
        assert "location" not in headers
        assert said == body if status == 422 else json.loads(said)["error"]["trace_id"]
        assert await site.rows("status") == [("error",)]


async def leave(site: GatewaySite, model: str, after: bytes) -> float:
    """Ask, read until `after` was seen, hang up; seconds until the provider noticed."""
    path = PATHS[model.partition("-")[0]]
    headers = {"authorization": "Bearer sp_alice"}
    body = {**ASK, "model": model, "max_tokens": 500, "stream": bool(after)}
    asking = asyncio.ensure_future(site.session.post(site.url + path, json=body, headers=headers))
    while not site.provider.running:
        await asyncio.sleep(0.01)
    if after:
        response = await asking
        async for chunk in response.content.iter_any():
            if after in chunk:
                break
        response.close()
    else:
        asking.cancel()
    started = time.monotonic()
    await asyncio.wait_for(site.ended(), 20)
    return time.monotonic() - started


@pytest.mark.parametrize(("model", "after"), [("gpt-slow", b"word"), ("claude-late", b"")])
async def test_a_client_that_leaves_cancels_the_provider_and_is_recorded(
    database: str, model: str, after: bytes
):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        assert await leave(site, model, after) < 10  # either script would go on for thirty
        for _ in range(100):
            rows = await site.rows("status, input_tokens > 0, output_tokens > 0, microdollars > 0")
            if rows[0][0] != "open":
                break
            await asyncio.sleep(0.02)
    assert rows == [("cancelled", True, bool(after), True)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "ping"), [("gpt", b": ping\n\n"), ("claude", b'event: ping\ndata: {"type": "ping"}\n\n')]
)
async def test_a_silent_stream_is_kept_alive(database: str, family: str, ping: bytes):
    quiet = Script(text="a b c", pace=0.35)
    async with gateway_site(database, scripts={f"{family}-quiet": quiet}) as site:
        _, body, _ = await site.post(PATHS[family], {**ASK, "model": f"{family}-quiet", "stream": True})
        assert body.count(ping) >= 5
        assert await site.rows("status") == [("ok",)]


@asynccontextmanager
async def away(database: str) -> AsyncIterator[None]:
    """The database lets nobody in, and throws everybody out, inside the block."""
    name = conninfo_to_dict(database)["dbname"]
    async with await connect(make_conninfo(database, dbname="postgres"), purpose="test") as conn:
        await conn.set_autocommit(True)
        await conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # pyright: ignore
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            await conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # pyright: ignore


@pytest.mark.slow
async def test_without_the_record_nothing_is_dispatched_and_service_returns_by_itself(database: str):
    async with gateway_site(database) as site:
        async with away(database):
            status, body, headers = await site.post(PATHS["gpt"], {**ASK, "model": "gpt"})
            assert (status, json.loads(body)["error"]["code"]) == (503, "record_unavailable")
            assert int(headers["retry-after"]) > 0
            assert not site.provider.received
        async with asyncio.timeout(15):
            while (await site.post(PATHS["gpt"], {**ASK, "model": "gpt"}))[0] != 200:
                await asyncio.sleep(0.1)
        assert (await site.rows("status"))[-1] == ("ok",)


@pytest.mark.slow
async def test_a_stream_whose_outcome_cannot_be_recorded_does_not_end_well(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        asked = {**ASK, "model": "gpt-slow", "max_tokens": 20, "stream": True}
        asking = asyncio.ensure_future(site.post(PATHS["gpt"], asked))
        while not site.provider.running:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        async with away(database):
            status, body, _ = await asking
        assert status == 200
        assert b"[DONE]" not in body
        assert b"record_unavailable" in body


async def test_connections_are_used_again_after_streams(database: str):
    def script(_number: int, _request: bytes) -> list:
        chunk = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        return [head + b"%x\r\n" % len(chunk) + chunk + b"\r\n", 0.02, b"0\r\n\r\n"]

    async with raw_server(script) as server:
        async with gateway_site(database, url=server.url) as site:
            for _ in range(3):
                status, body, _ = await site.post(PATHS["gpt"], {**ASK, "model": "gpt", "stream": True})
                assert (status, body.endswith(b"data: [DONE]\n\n")) == (200, True)
        assert server.connections == 1


async def test_a_stream_without_done_is_whole_when_it_said_why_it_stops(database: str):
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    async with (
        raw_server(lambda _n, _r: [head + event, CLOSE]) as server,
        gateway_site(database, url=server.url) as site,
    ):
        assert (await site.post(PATHS["gpt"], {**ASK, "model": "gpt", "stream": True}))[:2] == (
            200,
            event,
        )
        assert await site.rows("status") == [("ok",)]
