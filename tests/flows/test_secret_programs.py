"""A supervised program that gives its secret away in every form: neither the caller nor the record gets to see it."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.core.call import Resource
from app.mcp.supervisor import log_path
from app.mcp.supervisor.host.usage import tree
from app.mcp.upstream.ports import Status
from app.server.first_run import host_call
from tests.fix_server import Serve, Served, until
from tests.simulators.mcp_secretive import FORMS

pytestmark = pytest.mark.slow

PROGRAM = str(Path(__file__).parent.parent / "simulators" / "mcp_secretive.py")
VALUE = 'tok"en/of\\the+day&4711'
NEXT = "another-token-0815"
PROFILE = f"""
log: {{level: debug}}
mcp:
  servers:
    teller: {{command: ["{sys.executable}", "{PROGRAM}"], secrets: {{TOKEN: token}}}}
    reader: {{command: ["{sys.executable}", "{PROGRAM}"], secrets: {{"fd:TOKEN_FD": token}}}}
    other: {{command: ["{sys.executable}", "{PROGRAM}"]}}
"""
MARK = "[secret token]"


async def change(served: Served, verb: str, *arguments: Any, name: str = "token") -> None:
    async with served.site.admission.admit(
        host_call(f"admin.secret.{verb}", Resource("secret", name))
    ) as passage:
        await getattr(served.site.secrets, verb)(passage, name, *arguments)


async def stored(served: Served, value: str = VALUE) -> None:
    await change(served, "set", value.encode())
    for server in ("teller", "reader"):
        await change(served, "grant", f"server:{server}")


class Caller:
    """Somebody with a key who calls tools."""

    def __init__(self, served: Served, http: aiohttp.ClientSession, key: str) -> None:
        self._served = served
        self._http = http
        self._key = key

    async def ask(self, server: str, method: str, **params: Any) -> str:
        """The whole body of the answer."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json, text/event-stream"}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        url = f"{self._served.url}/mcp/{server}"
        async with self._http.post(url, json=message, headers=headers) as response:
            return await response.text()

    async def use(self, server: str, tool: str, **arguments: Any) -> Any:
        """What the tool said, or the error."""
        answer = json.loads(await self.ask(server, "tools/call", name=tool, arguments=arguments))
        return answer["result"]["content"][0]["text"] if "result" in answer else answer["error"]


async def caller(served: Served, http: aiohttp.ClientSession) -> Caller:
    return Caller(served, http, await served.key("developer"))


def states(served: Served) -> dict[str, Status]:
    return served.running.doors.servers.states()


def environment(pid: int) -> bytes:
    """Of a process by the host's number; inside, a program has a number of its own."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def everything(served: Served) -> str:
    rows = served.select("SELECT e::text AS row, convert_from(e.entry, 'UTF8') AS entry FROM audit_events e")
    return str(rows) + str(served.select("SELECT encode(c.bytes, 'escape') AS data FROM audit_contents c"))


def assert_secret(text: str, value: str = VALUE) -> None:
    for form in FORMS.values():
        assert form(value) not in text
        assert json.dumps(form(value))[1:-1] not in text


@pytest.mark.parametrize("server", ["teller", "reader"])
async def test_no_form_of_the_secret_reaches_the_caller_or_the_record(
    serve: Serve, http: aiohttp.ClientSession, server: str
):
    served = await serve(PROFILE)
    await stored(served)
    agent = await caller(served, http)
    for form in FORMS:
        assert MARK in await agent.use(server, "tell", form=form), form
    error = await agent.use(server, "nonsense")
    assert (error["message"], error["data"]) == (f"refused by {MARK}", MARK)
    answers = [
        await agent.ask(server, "tools/list"),
        await agent.ask(server, "initialize", protocolVersion="2025-06-18", capabilities={}),
        await agent.ask(server, "tools/call", name="progress", arguments={}, _meta={"progressToken": "p"}),
    ]
    for answer in answers:
        assert MARK in answer
        assert_secret(answer)
    record = everything(served)
    assert MARK in record
    assert_secret(record)


async def test_secret_reaches_only_the_program_that_declares_it(serve: Serve, http: aiohttp.ClientSession):
    served = await serve(PROFILE)
    await stored(served)
    agent = await caller(served, http)
    assert await agent.use("other", "tell", form="plain") == "nothing"
    names = ("teller", "reader", "other")
    await until(lambda: all(states(served)[name].pid for name in names))
    pids = {name: list(tree(states(served)[name].pid)) for name in names}
    own = {name: b"".join(environment(pid) for pid in found) for name, found in pids.items()}
    assert all(f"HOME={served.site.folder}/mcp/{name}".encode() in own[name] for name in own)
    assert (VALUE.encode() in own["teller"], VALUE.encode() in own["reader"]) == (True, False)
    assert VALUE.encode() not in own["other"]
    for pid in (*pids["teller"], *pids["reader"], *pids["other"], os.getpid()):
        assert VALUE.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert len(json.loads(await agent.use("other", "files"))) <= 4
    for shown in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert VALUE.encode() not in shown.read_bytes()


async def test_rotation_restarts_what_uses_the_secret_and_nothing_else(
    serve: Serve, http: aiohttp.ClientSession
):
    served = await serve(PROFILE)
    await stored(served)
    agent = await caller(served, http)
    before = {name: await agent.use(name, "start") for name in ("teller", "reader", "other")}
    await change(served, "rotate", NEXT.encode())
    for name in ("teller", "reader"):
        async with asyncio.timeout(25):
            while (now := await agent.use(name, "start")) == before[name] or not isinstance(now, str):
                await asyncio.sleep(0.05)
        assert await agent.use(name, "tell", form="base64") == MARK
    assert await agent.use("other", "start") == before["other"]
    assert_secret(everything(served), NEXT)


async def test_calls_go_on_while_a_secret_rotates(serve: Serve, http: aiohttp.ClientSession):
    served = await serve(PROFILE)
    await stored(served)
    agent = await caller(served, http)
    told: list[Any] = []
    stop = asyncio.Event()

    async def call() -> None:
        while not stop.is_set():
            told.append(await agent.use("teller", "tell", form="plain"))

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(call())
        await until(lambda: len(told) > 20)
        for number in range(2):
            await change(served, "rotate", f"{NEXT}-{number}".encode())
            seen = len(told)
            await until(lambda seen=seen: len(told) > seen + 50)
        stop.set()
    assert {entry for entry in told if isinstance(entry, str)} == {MARK}
    for number in range(2):
        assert_secret(everything(served), f"{NEXT}-{number}")


async def test_program_does_not_start_without_its_secret_and_says_why(
    serve: Serve, http: aiohttp.ClientSession
):
    served = await serve(PROFILE)
    agent = await caller(served, http)
    error = await agent.use("teller", "start")
    assert "There is no secret token" in error["message"]
    await change(served, "set", VALUE.encode())
    # The reason is that of the last start, and the next one may be seconds away.
    async with asyncio.timeout(60):
        while "is not granted to server:teller" not in (await agent.use("teller", "start"))["message"]:
            await asyncio.sleep(0.05)
    await change(served, "grant", "server:teller")

    async def runs() -> bool:
        return isinstance(await agent.use("teller", "start"), str)

    async with asyncio.timeout(25):
        while not await runs():
            await asyncio.sleep(0.05)
    await change(served, "revoke", "server:teller")
    async with asyncio.timeout(25):
        while await runs():
            await asyncio.sleep(0.05)


async def test_no_log_holds_the_secret(
    serve: Serve, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    handler = logging.getLogger("app")
    before = handler.level
    handler.setLevel("DEBUG")
    try:
        served = await serve(PROFILE)
        await stored(served)
        agent = await caller(served, http)
        for name in ("teller", "reader"):
            await agent.use(name, "log")
            assert await agent.use(name, "tell", form="plain") == MARK
        logging.getLogger("app.test").warning("by accident: %s", VALUE)
        try:
            raise ValueError(VALUE)
        except ValueError:
            logging.getLogger("app.test").exception("and in a traceback")
        await until(lambda: "the token is" in caplog.text)
    finally:
        handler.setLevel(before)
    assert_secret(caplog.text)
    assert caplog.text.count(MARK) >= 4
    for name in ("teller", "reader"):
        assert MARK in log_path(served.site.folder, name).read_text(encoding="utf-8")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path
