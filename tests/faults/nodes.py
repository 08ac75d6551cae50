"""Several nodes on one database, and traffic that survives their deaths and remembers what it was told."""

import asyncio
import random
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.faults.callers import ASK
from tests.faults.invariants import broken, intents, statuses
from tests.faults.verifying import assert_intact
from tests.fix_process import ROOT, Process, Program, Provider

_LARGE = "x" * 40_000
"""Beyond what stands in an entry: such a row commits in a transaction with its content."""


def _tool(**arguments: Any) -> dict[str, Any]:
    params = {"name": "echo", "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


DOORS: dict[str, tuple[str, dict[str, Any], bytes]] = {
    "openai": ("/v1/chat/completions", {"model": "gpt", "messages": ASK}, b'"choices"'),
    "stream": ("/v1/chat/completions", {"model": "gpt", "messages": ASK, "stream": True}, b"[DONE]"),
    "anthropic": ("/v1/messages", {"model": "claude", "messages": ASK, "max_tokens": 10}, b'"content"'),
    "tool": ("/mcp/sim", _tool(id="T-1"), b'"result"'),
    "large": ("/mcp/sim", _tool(text=_LARGE), b'"result"'),
}
"""Path, body, and what a whole success holds."""


class Told(msgspec.Struct, frozen=True):
    """What a caller was told of a call: `whole` when a success reached its last byte."""

    trace: str
    door: str
    status: int
    whole: bool


class Node:
    """One `serve` that is started, killed and started again under the same name."""

    def __init__(self, folder: Path, *, name: str, database: str, provider: str, log: Path) -> None:
        folder.mkdir()
        self.name = name
        self.database = database
        self.program = Program(folder, database=database, provider=provider)
        text = self.program.profile.read_text(encoding="utf-8").replace("node: site", f"node: {name}")
        command = f'["{sys.executable}", -m, tests.simulators.mcp_server, --log, "{log}"]'
        tools = f'sim: {{command: {command}, folder: "{ROOT}", write: ["{log.parent}"]}}'
        text = text.replace("    sample:", f"    {tools}\n    sample:")
        self.program.profile.write_text(text, encoding="utf-8")
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens; empty while it is dead."""
        return self.process.url if self.process and self.process.process.poll() is None else ""

    def start(self, *, crash_at: str = "") -> None:
        """Serve, until told otherwise or until the point."""
        self.process = self.program.start(crash_at=crash_at)

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        if self.process is not None:
            self.process.signal(signal.SIGKILL)
            self.process.end()

    async def died(self, seconds: float = 30.0) -> None:
        """Wait until it killed itself."""
        assert self.process is not None
        code = await asyncio.to_thread(self.process.wait, seconds)
        assert code == -signal.SIGKILL, (code, self.program.log()[-4000:])
        self.process.end()

    def end(self) -> None:
        """SIGTERM."""
        if self.process is not None:
            self.process.end()


class Traffic:
    """Callers at every door of whichever nodes live; a call is lost with its node, its trace is not."""

    def __init__(self, nodes: Sequence[Node], keys: Sequence[str], *, log: Path, provider: Provider) -> None:
        self.told: list[Told] = []
        self.nodes = nodes
        self._keys = keys
        self._log = log
        self._provider = provider
        self._ending = False

    @asynccontextmanager
    async def running(self, *, each: int = 2) -> AsyncIterator["Traffic"]:
        """Call inside the block; calls that are under way end after it."""
        self._ending = False
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for door in DOORS:
                for number in range(each):
                    group.create_task(self._repeat(session, door, self._keys[number % len(self._keys)]))
            try:
                yield self
            finally:
                self._ending = True

    async def whole(self, number: int) -> None:
        """Wait until each door has succeeded so often from now on."""
        start = len(self.told)
        async with asyncio.timeout(60):
            while True:
                doors = [told.door for told in self.told[start:] if told.whole]
                if all(doors.count(door) >= number for door in DOORS):
                    return
                await asyncio.sleep(0.05)

    async def _repeat(self, session: aiohttp.ClientSession, door: str, key: str) -> None:
        while not self._ending:
            urls = [node.url for node in self.nodes if node.url]
            if not urls:
                await asyncio.sleep(0.05)
                continue
            told = await _call(session, random.choice(urls), key, door)
            self.told.append(told)
            await asyncio.sleep(0.01 if told.whole else 0.1)

    def received(self) -> set[str]:
        """Traces of all that reached the provider or the tool server."""
        tools = self._log.read_text(encoding="ascii").split() if self._log.exists() else []
        asked = [
            value
            for request in list(self._provider.received)
            for name, value in request.headers.items()
            if name.lower() == "traceparent"
        ]
        return {line.split("-")[1] for line in (*tools, *asked)}


async def _call(session: aiohttp.ClientSession, url: str, key: str, door: str) -> Told:
    path, body, success = DOORS[door]
    trace = secrets.token_hex(16)
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json, text/event-stream",
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
    }
    try:
        async with session.post(url + path, json=body, headers=headers) as response:
            data = await response.read()
            return Told(trace, door, response.status, response.status == 200 and success in data)
    except (aiohttp.ClientError, TimeoutError):
        return Told(trace, door, 0, whole=False)


async def check(traffic: Traffic, database: str) -> None:
    """To be asked once every node has been started again: nothing acknowledged is lost, nothing left unaccounted."""
    assert broken(database) == []
    recorded = intents(database)
    received = traffic.received()
    assert received
    assert received <= recorded, "dispatched without an intent"
    whole = [told.trace for told in traffic.told if told.whole]
    assert whole
    found = statuses(database, whole)
    assert [trace for trace in whole if "ok" not in found.get(trace, [])] == []
    for node in traffic.nodes:
        await asyncio.to_thread(assert_intact, node.program)
    assert broken(database) == []
