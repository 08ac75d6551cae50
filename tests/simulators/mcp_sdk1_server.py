"""A tool server made with the `mcp` SDK of the line before 2, over stdio, or over HTTP on the port given."""

import sys

from mcp import types
from mcp.server.fastmcp import Context, FastMCP
from pydantic import BaseModel

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = FastMCP("sdk1-server", port=PORT)


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
async def confirm(ctx: Context) -> str:
    """Asks the person."""
    answer = await ctx.elicit(message="Sure?", schema=Confirmation)
    return f"{answer.action}: {answer.data.sure if answer.action == 'accept' else None}"


@server.tool()
async def sample(ctx: Context) -> str:
    """Asks the client's model."""
    text = types.TextContent(type="text", text="Which?")
    message = types.SamplingMessage(role="user", content=text)
    answer = await ctx.session.create_message([message], max_tokens=10, related_request_id=ctx.request_id)
    return answer.content.text


@server.tool()
async def roots(ctx: Context) -> str:
    """Asks for the client's folders, on the session's own stream."""
    return ", ".join(str(one.uri) for one in (await ctx.session.list_roots()).roots)


@server.tool()
async def thrice(ctx: Context) -> str:
    """Asks the person three times."""
    answers = [await ctx.elicit(message=f"Sure, {n}?", schema=Confirmation) for n in range(3)]
    return ", ".join(answer.action for answer in answers)


@server.resource("memo://by/{name}")
def memo_by(name: str) -> str:
    """Somebody's memo."""
    return f"{name} remembers."


if __name__ == "__main__":
    server.run(transport="streamable-http" if PORT else "stdio")
