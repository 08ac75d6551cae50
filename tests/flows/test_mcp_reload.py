"""Remote tool servers come, go and move while serving; what did not change notices nothing."""

import json
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.config import Profile, load
from app.core.errors import SallyportError
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import declared
from app.server.host.control import Ask, Told, ask
from app.server.host.hangup import following_hangups
from app.server.host.running import Running
from app.server.serve import running
from tests.fix_server import Served, _reachable, until
from tests.simulators.raw_server import raw_server

MAY_ALL = """
policy: test
rules:
  - {id: robots, effect: permit, who: {services: [robot]}, actions: [tool.call], tools: ["*/*"]}
"""
UNKNOWN = "There is no tool server 'moves' here."
LISTED = {"tools": [{"name": "where", "inputSchema": {"type": "object"}}]}


class Far:
    """Speaks `initialize` with sessions, and says at each call which server and session it was."""

    def __init__(self, name: str, title: str = "far") -> None:
        self.name = name
        self.title = title
        self.sessions = 0

    def __call__(self, number: int, request: bytes) -> Iterable[Any]:
        head, _, body = request.partition(b"\r\n\r\n")
        message = json.loads(body or b"{}")
        if "id" not in message:
            return [b"HTTP/1.1 202 X\r\ncontent-length: 0\r\n\r\n"]
        more = ""
        if message["method"] == "initialize":
            self.sessions += 1
            more = f"mcp-session-id: {self.name}{self.sessions}\r\n"
            result: dict[str, Any] = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": self.title, "version": "1"},
            }
        elif message["method"] == "tools/list":
            result = LISTED
        else:
            session = next(
                line.split(b": ")[1].decode()
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"mcp-session-id")
            )
            result = {"content": [{"type": "text", "text": session}]}
        data = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        length = f"content-length: {len(data)}\r\n{more}\r\n"
        return [b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n" + length.encode() + data]


class Reloading:
    """A serving site, and the profile that it reads again."""

    def __init__(self, server: Running, path: Path, key: str, served: Served) -> None:
        self.server = server
        self.path = path
        self.key = key
        self.served = served

    def write(self, **servers: Any) -> None:
        self.path.write_text(json.dumps({"mcp": {"servers": servers}}), encoding="utf-8")

    async def reload(self, **servers: Any) -> Told:
        self.write(**servers)
        told = await ask(self.server.site.folder, Ask(ask="reload"))
        assert told is not None
        return told

    async def where(self, name: str) -> str:
        """What the tool of a server says, or the reason why there is no answer."""
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "where", "arguments": {}},
        }
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Accept": "application/json, text/event-stream",
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.server.url}/mcp/{name}", json=message, headers=headers) as response,
        ):
            answer = await response.json()
        if "error" in answer:
            return answer["error"]["message"]
        return answer["result"]["content"][0]["text"]


@asynccontextmanager
async def reloading(database: str, folder: Path, **servers: Any) -> AsyncIterator[Reloading]:
    path = folder / "profile.yaml"
    path.write_text(json.dumps({"mcp": {"servers": servers}}), encoding="utf-8")

    def read() -> Profile:
        return _reachable(load(path, environment={}), database)

    destinations = Destinations(declared(read()))
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    async with running(read(), folder=folder / "data", connector=connector, again=read) as server:
        served = Served(server, database)
        await served.apply(MAY_ALL)
        yield Reloading(server, path, await served.key(), served)


def url(port: int) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{port}/mcp"}


async def test_remote_server_comes_moves_and_goes_without_a_restart(database: str, tmp_path: Path) -> None:
    old, far, other = Far("stays"), Far("far"), Far("other")
    async with (
        raw_server(old) as stays,
        raw_server(far) as first,
        raw_server(other) as second,
        reloading(database, tmp_path, stays=url(stays.port)) as site,
    ):
        assert await site.where("stays") == "stays1"
        assert await site.where("moves") == UNKNOWN
        told = await site.reload(stays=url(stays.port), moves=url(first.port))
        assert (told.changed, told.waiting) == (["moves"], [])
        assert (told.opened, told.closed) == ([f"127.0.0.1:{first.port}"], [])
        assert await site.where("moves") == "far1"
        told = await site.reload(stays=url(stays.port), moves=url(second.port))
        assert (told.opened, told.closed) == ([f"127.0.0.1:{second.port}"], [f"127.0.0.1:{first.port}"])
        assert await site.where("moves") == "other1"
        told = await site.reload(stays=url(stays.port))
        assert (told.changed, told.closed) == (["moves"], [f"127.0.0.1:{second.port}"])
        assert await site.where("moves") == UNKNOWN
        assert await site.where("stays") == "stays1", "its session outlived three changes beside it"
        rows = site.served.record("action = 'admin.profile.reload' AND kind = 'outcome'")
    assert [row["body"]["result"]["changed"] for row in rows] == [["moves"]] * 3
    assert rows[1]["body"]["result"]["closed"] == [f"127.0.0.1:{first.port}"]


@pytest.mark.slow
async def test_another_server_under_a_known_name_waits_for_a_person_at_once(
    database: str, tmp_path: Path
) -> None:
    async with (
        raw_server(Far("far")) as far,
        raw_server(Far("evil", title="another")) as evil,
        reloading(database, tmp_path, far=url(far.port)) as site,
    ):
        assert await site.where("far") == "far1"
        await site.reload(far=url(evil.port))
        assert "waits for a person" in await site.where("far")


async def test_a_word_about_a_server_disturbs_nobody(database: str, tmp_path: Path) -> None:
    async with (
        raw_server(Far("far")) as far,
        reloading(database, tmp_path, far=url(far.port)) as site,
    ):
        assert await site.where("far") == "far1"
        told = await site.reload(far={**url(far.port), "description": "Far away", "pins": "trust-first"})
        assert (told.changed, told.waiting) == ([], [])
        assert await site.where("far") == "far1"
        assert site.server.doors.servers.entries["far"].description == "Far away"


@pytest.mark.parametrize(
    "broken",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://127.0.0.1:1/mcp", "timeout": 0},
        {"command": [], "url": ""},
    ],
)
async def test_bad_profile_changes_nothing_and_says_why(
    database: str, tmp_path: Path, broken: dict[str, Any]
) -> None:
    async with (
        raw_server(Far("far")) as far,
        reloading(database, tmp_path, far=url(far.port)) as site,
    ):
        with pytest.raises(SallyportError, match=r"mcp\.servers\.broken"):
            await site.reload(broken=broken)
        assert site.server.doors.servers.entries.keys() == {"far"}
        assert await site.where("far") == "far1"
        rows = site.served.record("action = 'admin.profile.reload' AND kind = 'outcome'")
    assert [row["status"] for row in rows] == ["error"]


async def test_hangup_reads_the_profile_again_on_the_record(database: str, tmp_path: Path) -> None:
    async with reloading(database, tmp_path) as site:
        async with following_hangups(site.server.site.admission, site.server.reload):
            site.write(broken={})
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: _reloads(site.served) == ["error"], 60.0)
            site.write(far=url(1))
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: len(_reloads(site.served)) == 2, 60.0)
        assert site.server.doors.servers.entries.keys() == {"far"}
        assert _reloads(site.served) == ["error", "ok"]


def _reloads(served: Served) -> list[str]:
    rows = served.select(
        "SELECT status FROM audit_events WHERE action = 'admin.profile.reload' AND kind = 'outcome' ORDER BY id"
    )
    return [row["status"] for row in rows]
