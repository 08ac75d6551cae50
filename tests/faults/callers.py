"""Callers of every door, in a loop, and what must hold of their answers and of the record afterwards."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from tests.fix_process import Program, Provider

PATIENCE = 30.0
"""No call may take longer, whatever the database does."""
ASK = [{"role": "user", "content": "hello"}]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("/v1/chat/completions", {"model": "gpt", "messages": ASK}),
    "openai stream": ("/v1/chat/completions", {"model": "gpt", "messages": ASK, "stream": True}),
    "anthropic": ("/v1/messages", {"model": "claude", "messages": ASK, "max_tokens": 10}),
    "mcp": (
        "/mcp/sample",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "lookup_ticket", "arguments": {"id": "T-1"}},
        },
    ),
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one call got; `whole` when the success reached its last byte."""

    door: str
    status: int
    body: bytes
    retry_after: str
    trace: str
    seconds: float

    @property
    def whole(self) -> bool:
        if self.door == "openai stream":
            return self.status == 200 and b"[DONE]" in self.body
        return self.status == 200 and (self.door != "mcp" or b'"result"' in self.body)


async def call(session: aiohttp.ClientSession, url: str, key: str, door: str) -> Answer:
    """One call through a door."""
    path, body = CALLS[door]
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    began = time.monotonic()
    async with session.post(url + path, json=body, headers=headers) as response:
        data = await response.read()
        return Answer(
            door=door,
            status=response.status,
            body=data,
            retry_after=response.headers.get("Retry-After", ""),
            trace=response.headers["traceparent"].split("-")[1],
            seconds=time.monotonic() - began,
        )


@asynccontextmanager
async def caller() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that waits as long as a call may take."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE * 2)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=64)) as session:
        yield session


class Load:
    """Callers at every door until `end`; `answers` is what they got."""

    def __init__(self, url: str, key: str, *, each: int = 3) -> None:
        self.answers: list[Answer] = []
        self._url = url
        self._key = key
        self._each = each
        self._ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        """Call inside the block; the calls that are under way end after it."""
        async with caller() as session, asyncio.TaskGroup() as group:
            for door in CALLS:
                for _ in range(self._each):
                    group.create_task(self._repeat(session, door))
            try:
                yield self
            finally:
                self._ending = True

    async def _repeat(self, session: aiohttp.ClientSession, door: str) -> None:
        while not self._ending:
            answer = await call(session, self._url, self._key, door)
            self.answers.append(answer)
            await asyncio.sleep(0.02 if answer.status == 200 else 0.1)

    async def answered(self, number: int, *, status: int) -> None:
        """Wait until each door has answered so often with this status from now on."""
        start = len(self.answers)
        async with asyncio.timeout(40):
            while True:
                fresh = [answer.door for answer in self.answers[start:] if answer.status == status]
                if all(fresh.count(door) >= number for door in CALLS):
                    return
                await asyncio.sleep(0.05)


def check_answers(answers: list[Answer]) -> None:
    """Each answer is a success or a refusal in the door's dialect, in time."""
    for answer in answers:
        assert answer.seconds < PATIENCE, answer
        if answer.status == 200:
            continue
        assert answer.status == 503, answer
        assert int(answer.retry_after) >= 1, answer
        error = json.loads(answer.body)["error"]
        if answer.door == "mcp":
            assert error["data"]["reason"] == "record_unavailable", answer
        else:
            assert "record" in error["message"] or "checked" in error["message"], answer
        assert answer.trace in answer.body.decode(), answer


async def check_record(program: Program, provider: Provider, answers: list[Answer]) -> None:
    """No success without intent and outcome, nothing dispatched without intent, no gap, nothing left open."""
    async with asyncio.timeout(20):
        while program.rows("SELECT 1 FROM governance_decisions WHERE status = 'open' LIMIT 1"):
            await asyncio.sleep(0.1)
    rows = program.rows("SELECT kind, trace_id, span_id, status FROM audit_events")
    intents = {(row["trace_id"], row["span_id"]) for row in rows if row["kind"] == "intent"}
    outcomes = {row["trace_id"]: row["status"] for row in rows if row["kind"] == "outcome"}
    for answer in answers:
        if answer.whole:
            assert outcomes.get(answer.trace) == "ok", answer
    dispatched = {tuple(span.split("-")) for span in provider.spans()}
    assert dispatched
    assert {trace for trace, _ in dispatched} <= {trace for trace, _ in intents}
    gaps = program.rows(
        "SELECT boot FROM audit_events GROUP BY boot"
        " HAVING min(seq) <> 0 OR max(seq) + 1 <> count(*) OR count(*) <> count(DISTINCT seq)"
    )
    assert gaps == []
