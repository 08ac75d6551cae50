"""`sallyport mcp connect`: desktop clients reach a site over stdio, in both eras, in their own bytes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.fix_server import Serve, Served, until
from tests.simulators.raw_server import CLOSE, answer, raw_server

ROOT = Path(__file__).resolve().parents[2]
SIM = json.dumps([sys.executable, "-m", "tests.simulators.mcp_server"])
DESK = json.dumps([sys.executable, "-m", "app.demo.sample_mcp"])
PROFILE = f"mcp: {{servers: {{sim: {{command: {SIM}, folder: {ROOT}}}, desk: {{command: {DESK}, folder: {ROOT}}}}}}}\n"
TLS = 'listen: {address: "127.0.0.1:0"}\n'
HELLO = {
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip

pytestmark = pytest.mark.slow


class Bridge:
    """The program as a desktop client runs it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def send(self, message: Any) -> None:
        assert self.process.stdin
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        await self.process.stdin.drain()

    async def line(self) -> bytes:
        assert self.process.stdout
        async with asyncio.timeout(20):
            return await self.process.stdout.readline()

    async def ask(self, message: Any) -> Any:
        await self.send(message)
        return json.loads(await self.line())

    async def end(self) -> int:
        """The exit code after the input is closed."""
        assert self.process.stdin
        self.process.stdin.close()
        async with asyncio.timeout(10):
            return await self.process.wait()


def words(url: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "app", "mcp", "connect", url, *more]


@asynccontextmanager
async def bridge(url: str, key: str, *more: str) -> AsyncIterator[Bridge]:
    environment = {"PATH": os.environ["PATH"], "SALLYPORT_KEY": key}
    process = await asyncio.create_subprocess_exec(
        *words(url, *more), cwd=ROOT, env=environment, limit=2**25, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Bridge(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def call(number: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


async def developer(served: Served) -> str:
    return await served.key("developer", name="dora")


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_sdk_client_works_through_the_bridge_with_tls_of_a_private_authority(
    serve: Serve, tmp_path: Path, mode: str
) -> None:
    served = await serve(TLS + PROFILE)
    file = tmp_path / "key"
    file.write_text(await developer(served) + "\n", encoding="ascii")
    ca = str(tmp_path / "data" / "tls" / "ca.pem")
    command, *arguments = words(served.url, "--server", "desk", "--key-file", str(file), "--ca", ca)
    parameters = StdioServerParameters(command=command, args=arguments, cwd=str(ROOT))
    async with Client(stdio_client(parameters), mode=mode) as client:
        tools = await client.list_tools()
        assert [tool.name for tool in tools.tools] == ["delete_ticket", "lookup_ticket"]
        result = await client.call_tool("lookup_ticket", {"id": "T-2"})
        block = result.content[0]
        assert isinstance(block, types.TextContent)
        assert "VPN certificate" in block.text
    rows = served.record("action = 'tool.call' AND kind = 'intent'")
    assert [(row["actor"], row["resource"], row["client"]) for row in rows] == [
        ("dora", "desk/lookup_ticket", "sallyport-connect")
    ]


async def test_bytes_arrive_as_they_were_written(serve: Serve) -> None:
    served = await serve(PROFILE)
    async with bridge(served.url, await developer(served)) as here:
        assert (await here.ask(HELLO))["result"]["protocolVersion"] == "2025-06-18"
        params = b'{"name":"sim__echo","arguments":{"n":1.50e+2}}'
        odd = b'{"jsonrpc":"2.0","id":"\\u0061","method":"tools/call","params":' + params + b"}"
        await here.send(odd)
        line = await here.line()
        assert line.startswith(b'{"jsonrpc":"2.0","id":"a"')
        assert json.loads(json.loads(line)["result"]["content"][0]["text"])["arguments"] == {"n": 150.0}
        assert await here.end() == 0
    rows = served.record("action = 'server.connect' AND kind = 'intent'")
    assert rows[-1]["body"]["details"]["method"] == "session/end"


async def test_progress_and_other_calls_go_on_beside_a_slow_one_and_it_can_be_cancelled(serve: Serve) -> None:
    served = await serve(PROFILE)
    async with bridge(served.url, await developer(served), "--server", "sim") as here:
        await here.ask(HELLO)
        await here.send(call("slow", "sleep", seconds=60))
        steps = call("steps", "progress", steps=2)
        steps["params"]["_meta"] = {"progressToken": "p"}
        await here.send(steps)
        seen = [json.loads(await here.line()) for _ in range(3)]
        assert [one.get("method") for one in seen] == ["notifications/progress"] * 2 + [None]
        assert {one["params"]["progressToken"] for one in seen[:2]} == {"p"}
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "slow"}}
        await here.send(cancel)
        assert json.loads(await here.line())["error"]["code"] == -32005
    assert await until(
        lambda: (
            [row["status"] for row in served.record("action = 'tool.call' AND kind = 'outcome'")]
            == ["ok", "cancelled"]
        )
    )


async def test_denial_is_told_in_the_protocols_own_error(serve: Serve) -> None:
    served = await serve(PROFILE)
    async with bridge(served.url, await served.key(name="nobody"), "--server", "sim") as here:
        await here.ask(HELLO)
        answered = await here.ask(call(7, "echo"))
        assert (answered["id"], answered["error"]["data"]["reason"]) == (7, "no_rule_permits")
    async with bridge(served.url, "sp_wrong") as here:
        answered = await here.ask(HELLO)
        assert (answered["id"], answered["error"]["data"]["reason"]) == (0, "credential_invalid")


async def test_session_that_the_site_forgot_is_begun_again(serve: Serve) -> None:
    served = await serve(PROFILE)
    sessions = 0

    def forgetful(number: int, request: bytes) -> list[Any]:
        nonlocal sessions
        body = json.loads(request.partition(b"\r\n\r\n")[2] or b"{}")
        kind = "content-type: application/json\r\n"
        if body.get("method") == "initialize":
            sessions += 1
            result = {"jsonrpc": "2.0", "id": body["id"], "result": {"protocolVersion": "2025-06-18"}}
            return [answer(json.dumps(result).encode(), extra=f"{kind}mcp-session-id: s{sessions}\r\n")]
        if "id" not in body:
            return [answer(b"", head="HTTP/1.1 202 Accepted")]
        if b"mcp-session-id: s1" in request:
            return [answer(b"{}", head="HTTP/1.1 404 Not Found", extra=kind)]
        return [answer(json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": {}}).encode(), extra=kind)]

    async with raw_server(forgetful) as far, bridge(far.url, await developer(served)) as here:
        assert (await here.ask(HELLO))["id"] == 0
        assert await here.ask({"jsonrpc": "2.0", "id": 1, "method": "ping"}) == {
            "jsonrpc": "2.0",
            "id": 1,
            "result": {},
        }
    assert sessions == 2


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([answer(b"", head="HTTP/1.1 302 Found", extra="location: http://evil.example/\r\n")], "redirects"),
        ([answer(b"<html>", extra="content-type: text/html\r\n", head="HTTP/1.1 500 X")], "HTTP 500"),
        ([answer(b"{nonsense", extra="content-type: application/json\r\n")], "cannot be read"),
        ([CLOSE], "closed the connection"),
        ([b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n: nothing\n\n", CLOSE], "ended its answer"),
    ],
)  # fmt: skip
async def test_trouble_with_the_site_is_an_error_in_words(pieces: list[Any], said: str) -> None:
    async with raw_server(lambda number, request: pieces) as far, bridge(far.url, "sp_key") as here:
        answered = await here.ask(HELLO)
        assert answered["id"] == 0
        assert said in answered["error"]["message"]
        assert len(far.requests) <= 2
        assert await here.end() == 0


async def test_site_that_is_away_is_an_error_and_the_bridge_stays() -> None:
    async with bridge("http://127.0.0.1:1", "sp_key") as here:
        for number in range(2):
            answered = await here.ask({**HELLO, "id": number})
            assert answered["id"] == number
            assert "cannot be reached" in answered["error"]["message"]
        assert (await here.ask(b"{nonsense"))["error"]["code"] == -32700


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        (["http://site.example"], "sp_key", "in clear"),
        (["https://site.example"], "", "no API key"),
        (["https://site.example/mcp/one", "--server", "two"], "sp_key", "names an endpoint already"),
        (["ftp://site.example"], "sp_key", "is not a base URL"),
    ],
)
async def test_unusable_command_lines_say_why(arguments: list[str], key: str, said: str) -> None:
    async with bridge(arguments[0], key, *arguments[1:]) as here:
        assert here.process.stderr
        error = (await here.process.stderr.read()).decode()
        assert (await here.process.wait(), said in error) == (2, True), error
