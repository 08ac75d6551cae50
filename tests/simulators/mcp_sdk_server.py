"""A tool server made with the `mcp` SDK: `python -m tests.simulators.mcp_sdk_server [PORT]`, without a port over stdio."""

import sys
from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, MCPServer, Resolve
from pydantic import BaseModel

server = MCPServer(name="sdk-server", version="1.0.0")


class Confirmation(BaseModel):
    sure: bool


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fail() -> str:
    """Always fails."""
    raise RuntimeError("on purpose")


@server.tool()
async def report(ctx: Context) -> str:
    """Reports progress."""
    for step in range(3):
        await ctx.report_progress(progress=step, total=3)
    return "reported"


@server.tool()
async def announce(ctx: Context) -> str:
    """Says that its resources changed, outside of any request."""
    await ctx.session.send_resource_list_changed()
    return "announced"


@server.tool()
async def confirm(ctx: Context) -> str:
    """Asks the person."""
    answer = await ctx.elicit(message="Sure?", schema=Confirmation)
    return f"{answer.action}: {answer.data.sure if answer.action == 'accept' else None}"


def _question() -> Elicit[Confirmation]:
    return Elicit("Really?", Confirmation)


@server.tool()
async def settle(answer: Annotated[ElicitationResult[Confirmation], Resolve(_question)]) -> str:
    """Asks in the way of either era."""
    return f"{answer.action}: {answer.data.sure if answer.action == 'accept' else None}"


@server.resource("memo://one")
def memo() -> str:
    """A memo."""
    return "Remember."


@server.resource("memo://by/{name}")
def memo_by(name: str) -> str:
    """Somebody's memo."""
    return f"{name} remembers."


@server.prompt()
def greet(name: str) -> str:
    """A greeting."""
    return f"Greet {name}."


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run(transport="stdio")
