"""`mcp list|check|tools|call`: see the profile's tool servers and try them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.mcp.shell import Shell, with_servers
from app.cli.site import Output, json_option, site_options, site_profile
from app.core.errors import InputError, SallyportError
from app.mcp import protocol
from app.server.tools import US


@click.command("list")
@site_options
@json_option
def list_servers(data: Path | None, profile: Path | None, as_json: bool) -> None:
    """List the tool servers of the profile; nothing is started."""
    loaded, _ = site_profile(data, profile)
    rows = [
        {
            "name": name,
            "kind": "program" if entry.command else "remote",
            "where": entry.command[0] if entry.command else entry.url,
            "description": entry.description,
        }
        for name, entry in sorted(loaded.mcp.servers.items())
    ]
    columns = {name: lambda row, name=name: row[name] for name in ("name", "kind", "where", "description")}
    Output(as_json=as_json).table(rows, columns)


@click.command()
@with_servers
async def check(shell: Shell, output: Output) -> None:
    """Start or reach each tool server and say how it answers."""

    async def one(name: str) -> dict[str, Any]:
        params = {"protocolVersion": protocol.LATEST_OLD, "capabilities": {}, "clientInfo": US}
        try:
            found = await shell.ask(name, "initialize", params)
        except SallyportError as error:
            return {"name": name, "ok": False, "server": "", "offers": [], "error": str(error)}
        info = found["serverInfo"]
        who = f"{info.get('name', '')} {info.get('version', '')}".strip()
        return {"name": name, "ok": True, "server": who, "offers": sorted(found["capabilities"]), "error": ""}

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(name)) for name in shell.servers.names]
    columns: dict[str, Callable[[Any], object]] = {
        "name": lambda row: row["name"],
        "state": lambda row: "answers" if row["ok"] else "fails",
        "server": lambda row: row["server"],
        "offers": lambda row: ", ".join(row["offers"]) or row["error"],
    }
    output.table([task.result() for task in tasks], columns)


@click.command()
@click.argument("server")
@with_servers
async def tools(shell: Shell, output: Output, server: str) -> None:
    """List the tools of SERVER that the caller may use."""
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    while len(found) < 10_000:
        page = await shell.ask(server, "tools/list", params)
        found += page["tools"]
        if not page.get("nextCursor"):
            break
        params = {"cursor": page["nextCursor"]}
    columns: dict[str, Callable[[Any], object]] = {
        "name": lambda tool: tool["name"],
        "description": lambda tool: (tool.get("description") or "").partition("\n")[0][:100],
    }
    output.table(found, columns)


@click.command()
@click.argument("server")
@click.argument("tool")
@click.argument("arguments", default="{}")
@with_servers
async def call(shell: Shell, output: Output, server: str, tool: str, arguments: str) -> None:
    """Call TOOL of SERVER with ARGUMENTS (a JSON object)."""
    try:
        given = msgspec.json.decode(arguments, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise InputError(
            f"The arguments are not a JSON object: {error}.", remedy='Write \'{"name": "value"}\'.'
        ) from None
    result = await shell.ask(server, "tools/call", {"name": tool, "arguments": given})
    texts = [block["text"] for block in result.get("content", []) if block.get("type") == "text"]
    output.value(result, "\n".join(texts) or json.dumps(result, indent=2))
    if result.get("isError"):
        raise SallyportError("The tool reported an error.")
