"""Providers that fail, hang and lie, clients that go away: each ends in one clear error and one outcome."""

import asyncio
import json
import time

import pytest

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
SCRIPTS["gpt-slow"] = Script(text="word " * 200, pace=0.05)
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
    await asyncio.wait_for(site.ended(), 5)
    return time.monotonic() - started


@pytest.mark.parametrize(("model", "after"), [("gpt-slow", b"word"), ("claude-late", b"")])
async def test_a_client_that_leaves_cancels_the_provider_and_is_recorded(
    database: str, model: str, after: bytes
):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        assert await leave(site, model, after) < 1
        for _ in range(100):
            rows = await site.rows("status, input_tokens > 0, output_tokens > 0, microdollars > 0")
            if rows[0][0] != "open":
                break
            await asyncio.sleep(0.02)
    assert rows == [("cancelled", True, bool(after), True)]


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
