"""The record as server-sent events: live, filtered, resumable, and only for those who may read it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from app.audit.event import Event
from app.core.call import Resource
from app.core.ids import uuid7
from app.server.first_run import host_call
from tests.fix_api import Api
from tests.fix_server import until


class Stream:
    """What a client of server-sent events sees."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.rows: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.ended: dict[str, Any] | None = None
        self.closed = False

    async def read(self) -> None:
        event: dict[str, str] = {}
        async for raw in self.response.content:
            line = raw.decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            if event.get("event") == "end":
                self.ended = json.loads(event["data"])
            elif event.get("event") == "place":
                self.ids.append(event["id"])
            elif "data" in event:
                row = json.loads(event["data"])
                assert row["kind"] == event["event"]
                self.rows.append(row)
                self.ids.append(event["id"])
            event = {}
        self.closed = True


@asynccontextmanager
async def stream(
    http: aiohttp.ClientSession, api: Api, query: str = "", *, who: str = "grace", after: str = ""
) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {api.keys[who]}"} | ({"Last-Event-ID": after} if after else {})
    async with http.get(f"{api.served.url}/api/v1/audit/stream{query}", headers=headers) as response:
        assert response.status == 200, await response.text()
        found = Stream(response)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(found.read())
            try:
                yield found
            finally:
                reading.cancel()


async def look(api: Api, count: int) -> list[str]:
    """Calls whose ids are given back."""
    for _ in range(count):
        assert (await api.ask("GET", "/api/v1/status", who="ada")).status == 200
    rows = api.served.record("action = 'admin.status.show' AND kind = 'intent'")
    return [str(row["id"]) for row in rows[-count:]]


async def test_rows_come_as_they_are_written_and_go_on_where_the_reader_was(
    api: Api, http: aiohttp.ClientSession
) -> None:
    async with stream(http, api, "?actions=admin.status.show&kinds=intent") as first:
        await until(lambda: first.ids)
        ids = await look(api, 3)
        await until(lambda: len(first.rows) >= 3)
        assert [row["id"] for row in first.rows] == ids
        after = first.ids[2]  # the first is of the place where the stream began
    missed = await look(api, 2)
    async with stream(http, api, "?actions=admin.status.show&kinds=intent", after=after) as second:
        await until(lambda: len(second.rows) >= 3)
        assert [row["id"] for row in second.rows] == [ids[2], *missed]
    rows = await until(lambda: api.served.record("action = 'audit.read' AND kind = 'outcome'"))
    assert rows[0]["status"] in ("cancelled", "ok")
    intent = api.served.record("action = 'audit.read' AND kind = 'intent'")[0]
    assert (intent["resource"], intent["actor"]) == ("stream", "grace")


@pytest.mark.slow
async def test_a_revoked_key_ends_the_stream(api: Api, http: aiohttp.ClientSession) -> None:
    async with stream(http, api) as found:
        site = api.served.site
        keys = [key for key in await site.identity.keys.list_all() if key.owner == "grace"]
        async with site.admission.admit(host_call("admin.key.revoke", Resource("key", "grace"))) as passage:
            await site.identity.keys.revoke(passage, keys[0].prefix)
        await until(lambda: found.closed)
        assert found.ended is not None
        assert found.ended["reason"] in ("credential_invalid", "identity_disabled", "credential_expired")


async def test_a_stranger_and_a_developer_get_no_stream(api: Api) -> None:
    assert (await api.ask("GET", "/api/v1/audit/stream", who="")).status == 401
    assert (await api.ask("GET", "/api/v1/audit/stream", who="dora")).status == 403
    rows = api.served.record("action = 'audit.read' AND resource = 'stream'")
    assert [row["kind"] for row in rows] == ["denial", "denial"]


async def test_a_place_that_is_none_is_refused_with_a_remedy(api: Api) -> None:
    for place in ("x", "e30", "A" * 13000):
        answer = await api.ask("GET", f"/api/v1/audit/stream?after={place}", who="grace")
        assert (answer.status, answer.body["error"]["code"]) == (400, "invalid_place")
    answer = await api.ask("GET", "/api/v1/audit/stream?kinds=nonsense", who="grace")
    assert answer.status == 400


@pytest.mark.slow
async def test_a_reader_that_does_not_read_is_let_go(api: Api) -> None:
    url = api.served.url.removeprefix("http://")
    host, _, port = url.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    head = f"GET /api/v1/audit/stream HTTP/1.1\r\nHost: {url}\r\nAuthorization: Bearer {api.keys['grace']}\r\n\r\n"
    writer.write(head.encode())
    assert b"200 OK" in await reader.readline()
    writer.transport.pause_reading()
    recorder = api.served.site.recorder
    for number in range(2500):
        row = Event(
            id=str(uuid7()), time="2026-03-01T00:00:00Z", kind="event", call=str(uuid7()), action="test.fill",
            body={"number": number, "filling": "x" * 20_000},
        )  # fmt: skip
        await recorder.write(row)
    ended = "action = 'audit.read' AND kind = 'outcome'"
    rows = await until(lambda: api.served.record(ended), 40)
    events = await api.served.site.reading.event(str(rows[0]["call"]))
    assert events[-1].body["result"]["end"] == "the reader is too slow"
    assert (await api.ask("GET", "/api/v1/status", who="ada")).status == 200
    writer.close()
