"""Stored secrets in headers to remote tool servers and in keys of providers, on two nodes of one database."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from app.config import load
from app.core.call import Resource
from app.demo.provider import SimulatedProvider
from app.demo.script import Script
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import declared
from app.server.first_run import host_call
from app.server.serve import running
from tests.fix_server import Serve, Served, _reachable, until
from tests.flows.test_mcp_remote import CALL, OldServer, header
from tests.flows.test_mcp_remote import http as answer
from tests.simulators.raw_server import raw_server

VALUE = "remote-token-4711-abc"
NEXT = "remote-token-0815-xyz"
MARK = "[secret token]"


async def change(served: Served, verb: str, *arguments: Any) -> None:
    call = host_call(f"admin.secret.{verb}", Resource("secret", "token"))
    async with served.site.admission.admit(call) as passage:
        await getattr(served.site.secrets, verb)(passage, "token", *arguments)


def echo(message: dict[str, Any], request: bytes) -> Iterable:
    """A tool server that answers with all that it was sent."""
    told = request.decode("latin-1")
    result = {"content": [{"type": "text", "text": told}], "seen": header(request, "authorization")}
    return [answer({"jsonrpc": "2.0", "id": message["id"], "result": result})]


def remote(port: int) -> str:
    return f"""
mcp:
  servers:
    far: {{url: "http://127.0.0.1:{port}/mcp", secrets: {{"Authorization: Bearer {{}}": token, X-Key: token}}}}
"""


async def call(served: Served, http: aiohttp.ClientSession, key: str) -> str:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
    async with http.post(f"{served.url}/mcp/far", json=CALL, headers=headers) as response:
        return await response.text()


@asynccontextmanager
async def second_node(profile: str, database: str, folder: Path) -> AsyncIterator[Served]:
    """Another server on the same database, with a copy of the master key."""
    folder.mkdir()
    path = folder / "profile.yaml"
    path.write_text("node: node-2\n" + profile, encoding="utf-8")
    loaded = _reachable(load(path, environment={}), database)
    keys = folder / "data" / "keys"
    keys.mkdir(parents=True)
    key = keys / "master.key"
    key.touch(0o600)
    key.write_bytes((folder.parent / "data" / "keys" / "master.key").read_bytes())
    destinations = Destinations(declared(loaded))
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    async with running(loaded, folder=folder / "data", connector=connector) as server:
        yield Served(server, database)


async def test_header_reaches_the_server_and_never_the_caller_or_the_record(
    serve: Serve, http: aiohttp.ClientSession
):
    old = OldServer(echo)
    async with raw_server(old) as far:
        served = await serve(remote(far.port))
        key = await served.key("developer")
        refused = json.loads(await call(served, http, key))
        assert "There is no secret token" in refused["error"]["message"]
        await change(served, "set", VALUE.encode())
        await change(served, "grant", "server:far")
        told = await call(served, http, key)
    assert header(far.requests[-1], "authorization") == f"Bearer {VALUE}"
    assert header(far.requests[-1], "x-key") == VALUE
    assert MARK in told
    assert VALUE not in told
    (outcome,) = served.select(
        "SELECT body FROM audit_events WHERE kind = 'outcome' AND action = 'tool.call' AND status = 'ok'"
    )
    assert outcome["body"]["secrets"] == ["token@1"]
    rows = str(
        served.select("SELECT e::text AS row, convert_from(e.entry, 'UTF8') AS entry FROM audit_events e")
    )
    assert VALUE not in rows


async def test_rotation_on_one_node_is_used_by_the_other_within_seconds(
    serve: Serve, http: aiohttp.ClientSession, database: str, tmp_path: Path
):
    old = OldServer(echo)
    async with raw_server(old) as far:
        one = await serve(remote(far.port))
        await change(one, "set", VALUE.encode())
        await change(one, "grant", "server:far")
        key = await one.key("developer")
        async with second_node(remote(far.port), database, tmp_path / "two") as two:
            assert MARK in await call(two, http, key)
            sessions = old.sessions
            await change(one, "rotate", NEXT.encode())
            async with asyncio.timeout(10):
                while header(far.requests[-1], "x-key") != NEXT:
                    assert MARK in await call(two, http, key)
            assert old.sessions > sessions
            await change(one, "revoke", "server:far")
            async with asyncio.timeout(10):
                while "is not granted" not in await call(two, http, key):
                    await asyncio.sleep(0.05)
            one.site.secrets.catalogue.redactor.know({})
            async with two.site.admission.admit(
                host_call("admin.secret.rekey", Resource("secret", "*"))
            ) as passage:
                await two.site.secrets.rekey(passage)
            await until(lambda: (tmp_path / "data" / "keys" / "master.key").read_text().count("-key-1") == 2)


async def test_provider_is_called_with_its_stored_key_and_its_answers_are_cleaned(
    serve: Serve, http: aiohttp.ClientSession
):
    scripts = {"gpt": Script(text=f"Your key is {VALUE}, is it not?")}
    async with SimulatedProvider(scripts=scripts) as provider:
        served = await serve(f"""
providers:
  oai: {{dialect: openai, url: "{provider.url}/v1", key: "secret:token"}}
models:
  gpt: {{provider: oai, price: simulated}}
""")
        headers = {"Authorization": f"Bearer {await served.key('developer')}"}
        body = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
        url = f"{served.url}/v1/chat/completions"
        async with http.post(url, json=body, headers=headers) as response:
            assert (response.status, "There is no secret token" in await response.text()) == (503, True)
        await change(served, "set", VALUE.encode())
        await change(served, "grant", "provider:oai")
        async with http.post(url, json=body, headers=headers) as response:
            told = await response.text()
            assert response.status == 200
        sent = {name.lower(): value for name, value in provider.received[-1].headers.items()}
        assert sent["authorization"] == f"Bearer {VALUE}"
        assert MARK in told
        assert VALUE not in told
        await change(served, "rotate", NEXT.encode())
        async with http.post(url, json={**body, "stream": True}, headers=headers) as response:
            await response.read()
        sent = {name.lower(): value for name, value in provider.received[-1].headers.items()}
        assert sent["authorization"] == f"Bearer {NEXT}"
    outcomes = served.select(
        "SELECT body FROM audit_events WHERE kind = 'outcome' AND action = 'model.invoke'"
    )
    assert [row["body"].get("secrets") for row in outcomes] == [None, ["token@1"], ["token@2"]]
    assert VALUE not in str(served.select("SELECT e::text AS row FROM audit_events e"))
