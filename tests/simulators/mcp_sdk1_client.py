"""A client made with the `mcp` SDK before 2: `python mcp_sdk1_client.py URL KEY`; prints what it saw as JSON."""

import asyncio
import json
import sys
from datetime import timedelta

from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError

URL, KEY = sys.argv[1:]
SEEN: dict[str, object] = {}


async def agree(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"sure": True})


async def main() -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        streamablehttp_client(URL, headers=headers, timeout=60) as (read, write, _),
        ClientSession(
            read, write, elicitation_callback=agree, read_timeout_seconds=timedelta(seconds=60)
        ) as session,
    ):
        await session.initialize()
        SEEN["tools"] = [tool.name for tool in (await session.list_tools()).tools]
        SEEN["add"] = (await session.call_tool("add", {"a": 2, "b": 3})).content[0].text
        SEEN["confirm"] = (await session.call_tool("confirm", {})).content[0].text
        SEEN["resource"] = (await session.read_resource("memo://by/ann")).contents[0].text
        try:
            await session.call_tool("fail", {})
        except McpError as error:
            SEEN["denied"] = error.error.data["reason"]


asyncio.run(main())
json.dump(SEEN, sys.stdout)
