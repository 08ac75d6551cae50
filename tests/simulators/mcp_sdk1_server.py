"""A tool server made with the `mcp` SDK of the line before 2, over stdio."""

from mcp.server.fastmcp import Context, FastMCP
from pydantic import BaseModel

server = FastMCP("sdk1-server")


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


@server.resource("memo://by/{name}")
def memo_by(name: str) -> str:
    """Somebody's memo."""
    return f"{name} remembers."


if __name__ == "__main__":
    server.run(transport="stdio")
