"""What a provider's upstream answers, and what it keeps from callers."""

import asyncio
from typing import Any

import msgspec
import pytest

from app.extensions import Inquiry, Offer, Offered
from app.mcp.provided.answering import match_template
from app.mcp.provided.listeners import Listeners, Wishes
from tests.fix_tools import ALICE, tool_site

SCHEMA = {"type": "object", "properties": {"to": {"type": "string", "x-mcp-header": "To"}}}


async def broken(inquiry: Inquiry) -> dict[str, Any]:
    raise RuntimeError("the password is tulip")


async def sent(inquiry: Inquiry) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": inquiry.arguments["to"]}]}


class Post:
    """A provider with a tool that works and one that does not."""

    def offer(self) -> Offer:
        return Offer(
            title="Post",
            version="1",
            tools=(
                Offered(definition={"name": "send", "inputSchema": SCHEMA}, answer=sent),
                Offered(definition={"name": "lose", "inputSchema": {"type": "object"}}, answer=broken),
            ),
        )


def call(name: str, **arguments: Any) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": name, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def test_provider_that_fails_fails_alone_and_tells_nothing(database: str, tmp_path: Any) -> None:
    async with tool_site(database, tmp_path, servers={}, providers={"post": Post()}) as site:
        lost = await site.call("tools/call", {"name": "lose", "arguments": {}}, path="/mcp/post")
        fine = await site.call("tools/call", {"name": "send", "arguments": {"to": "Bo"}}, path="/mcp/post")
        none = await site.call("tools/call", {"name": "burn", "arguments": {}}, path="/mcp/post")
        rows = await site.rows("SELECT tool, decision, status FROM mcp_tool_executions ORDER BY time")
    assert lost["error"]["code"] == -32603
    assert "tulip" not in str(lost)
    assert fine["result"]["content"][0]["text"] == "Bo"
    assert none["error"]["code"] == -32602
    assert rows == [("lose", "permit", "error"), ("send", "permit", "ok"), ("burn", "permit", "error")]


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bo", 200), ("=?base64?Qm8=?=", 200), ("Al", 400), ("=?base64?Qm8?=", 400), (None, 400)],
)
async def test_header_that_contradicts_its_argument_is_refused(
    database: str, tmp_path: Any, header: str | None, status: int
) -> None:
    async with tool_site(database, tmp_path, servers={}, providers={"post": Post()}) as site:
        headers = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "send"}
        headers |= {"Mcp_Param_To": header} if header is not None else {}
        got, answer, _ = await site.post("/mcp/post", call("send", to="Bo"), key=ALICE, **headers)
    assert got == status
    assert answer.get("error", {}).get("code") == (None if status == 200 else -32020)


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("memo://by/ann", {"name": "ann"}),
        ("memo://by/", None),
        ("memo://by/ann/more", None),
        ("memo://to/ann", None),
    ],
)
def test_template_takes_whole_segments(address: str, values: dict[str, str] | None) -> None:
    assert match_template("memo://by/{name}", address) == values


class Heard:
    """A relay that remembers."""

    def __init__(self) -> None:
        self.session = None
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def notify(self, message: bytes) -> None:
        self.messages.put_nowait(msgspec.json.decode(message))

    async def ask(self, method: str, params: Any, respond: Any) -> bool:
        return False


async def test_listener_hears_what_it_asked_for_and_nothing_else() -> None:
    listeners, relay = Listeners(), Heard()
    wishes = Wishes.read({"toolsListChanged": True, "resourceSubscriptions": ["memo://one"], "other": True})
    listening = asyncio.create_task(listeners.listen(wishes, relay))
    acknowledged = await relay.messages.get()
    assert acknowledged["params"]["notifications"] == {
        "toolsListChanged": True,
        "resourceSubscriptions": ["memo://one"],
    }
    for changed in ("prompts", "memo://two", "tools", "memo://one"):
        listeners.announce(changed)
    told = [await relay.messages.get(), await relay.messages.get()]
    assert {one["method"] for one in told} == {
        "notifications/tools/list_changed",
        "notifications/resources/updated",
    }
    listening.cancel()
    await asyncio.wait({listening})
    assert relay.messages.empty()
