"""Sallyport as the client of the kit's servers: each scenario's server becomes an upstream, and somebody uses it."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from app.config.tools import Mcp, McpServer
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import from_url
from app.mcp import remotes
from tests.fix_modern import modern
from tests.fix_tools import ALICE, CLOCK, US, ToolSite

_AT_ONCE = 4
SCRIPT = Path(__file__).with_name("drive.sh")
Drive = Callable[[str, str, dict[str, Any]], Awaitable[None]]
"""Scenario, URL of its server, and what the kit tells the client."""


@asynccontextmanager
async def listening(drive: Drive) -> AsyncIterator[str]:
    """The command that lets `drive` play a scenario; what it raises makes the command fail."""

    room = asyncio.Semaphore(_AT_ONCE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scenario, url, context = [(await reader.readline()).decode().strip() for _ in range(3)]
        try:
            async with room:
                await drive(scenario, url, json.loads(context or "{}"))
        except Exception as error:  # noqa: BLE001 - the kit's verdict is what counts; this is for whoever looks into it
            sys.stdout.write(f"{scenario}: {error!r}\n")
            writer.write(b"1\n")
        else:
            writer.write(b"0\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"bash {SCRIPT} {server.sockets[0].getsockname()[1]}"


def add_upstream(site: ToolSite, name: str, url: str) -> None:
    """Let the site have one more remote server."""
    entry = McpServer(url=url.replace("localhost", "127.0.0.1"), timeout=20.0)
    destinations = Destinations([from_url(entry.url, name=name, purpose="test")])
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    made = remotes({name: entry}, connector=connector, tls=ssl.create_default_context(), clock=CLOCK, us=US)
    held = site.servers
    upstreams = dict(held._upstreams)
    held.apply({**upstreams, **made}, Mcp(servers={**held.entries, name: entry}))


async def use_everything(url: str, mode: str, context: dict[str, Any]) -> None:
    """Introduce oneself, list, and use whatever is there; what a tool refuses is no failure of ours."""
    headers = {"Authorization": f"Bearer {ALICE}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, elicitation_callback=answered) as client:
            tools = (await client.list_tools()).tools
            given = {one["name"]: one["arguments"] for one in context.get("toolCalls", [])}
            schemas = [tool.input_schema for tool in tools]
            for tool in tools:
                if "schema" in tool.input_schema.get("properties", {}):
                    given[tool.name] = {"schema": schemas[0]}
                await attempt(client.call_tool(tool.name, given.get(tool.name) or made_up(tool.input_schema)))
            for resource in await listed(client.list_resources(), "resources"):
                await attempt(client.read_resource(resource.uri))
            for prompt in await listed(client.list_prompts(), "prompts"):
                await attempt(client.get_prompt(prompt.name))


async def use_skills(site: ToolSite, path: str, *, load: bool) -> None:
    """List the skills; to load one is to read its SKILL.md, and what lies beside it only if that could be read."""
    listed = await modern(site, "skills/list", path=path)
    for skill in listed["result"]["skills"] if load else ():
        read = await modern(site, "resources/read", {"uri": skill["uri"]}, path=path)
        for file in skill["resources"] if "result" in read else ():
            await modern(site, "resources/read", {"uri": file["uri"]}, path=path)


async def attempts(url: str, mode: str, context: dict[str, Any], *, key: str) -> bool:
    """List the tools and call each; whether one of these wants a sign-in (again)."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        try:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode) as client:
                for tool in (await client.list_tools()).tools:
                    await client.call_tool(tool.name, made_up(tool.input_schema))
        except (MCPError, BaseExceptionGroup) as error:
            errors = leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
            return any("sign_in_wanted" in str(one.error.data) for one in errors if isinstance(one, MCPError))
    return False


def leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    """The exceptions in a group of groups."""
    found: list[BaseException] = []
    for one in group.exceptions:
        found += leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return found


async def attempt(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except MCPError:
        return None


async def listed(call: Awaitable[Any], member: str) -> list[Any]:
    found = await attempt(call)
    return getattr(found, member) if found is not None else []


def made_up(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments that fit the types of a schema."""
    values = {"number": 2, "integer": 2, "boolean": True, "string": "text", "array": [], "object": {}}
    return {
        name: values.get(str(one.get("type")), "text") for name, one in schema.get("properties", {}).items()
    }


async def answered(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    """A person who takes what is proposed and agrees to everything else."""
    schema = getattr(params, "requested_schema", None) or {}
    content = {
        name: one.get("default", True if one.get("type") == "boolean" else "text")
        for name, one in schema.get("properties", {}).items()
    }
    return types.ElicitResult(action="accept", content=content)
