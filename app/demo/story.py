"""The demo's calls, all through the front door like any client's, and what the record says about each."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from app.core.ids import new_trace


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the story: what was tried, how it was decided, where the record has it."""

    step: str
    decision: str
    trace_id: str
    detail: str = ""


class Client:
    """A plain client of the front door: one request, one connection."""

    def __init__(self, *, host: str, port: int, key: str) -> None:
        self._host, self._port, self._key = host, port, key

    def post(self, path: str, body: dict[str, Any], *, headers: dict[str, str]) -> tuple[int, str]:
        """Status and text of the answer."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=60)
        try:
            connection.request(
                "POST",
                path,
                json.dumps(body),
                {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **headers},
            )
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def tell(client: Client, decision_of: Callable[[str], str]) -> Iterator[Step]:
    """Run the story; `decision_of` reads the decision of a trace in the record."""
    yield _tool(client, decision_of, "tool_call_permitted", "lookup_ticket", {"id": "T-1"})
    yield _tool(client, decision_of, "tool_call_forbidden", "delete_ticket", {"id": "T-1"})
    yield _stream(client, decision_of)


def _tool(
    client: Client, decision_of: Callable[[str], str], step: str, tool: str, arguments: dict[str, Any]
) -> Step:
    trace = new_trace()
    _, text = client.post(
        "/mcp/sample",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": {"name": "sallyport-demo", "version": "1"},
                },
            },
        },
        headers={
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            "traceparent": trace.traceparent,
        },
    )
    return Step(step=step, decision=decision_of(trace.trace_id), trace_id=trace.trace_id, detail=_said(text))


def _stream(client: Client, decision_of: Callable[[str], str]) -> Step:
    trace = new_trace()
    status, text = client.post(
        "/v1/chat/completions",
        {
            "model": "demo-model",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": "Is ticket T-1 open?"}],
        },
        headers={"traceparent": trace.traceparent},
    )
    events = [line for line in text.splitlines() if line.startswith("data:")]
    detail = f"HTTP {status}, {len(events)} events, last {events[-1] if events else 'none'}"
    return Step(
        step="ai_request_streamed",
        decision=decision_of(trace.trace_id),
        trace_id=trace.trace_id,
        detail=detail,
    )


def _said(text: str) -> str:
    """The sentence in a tool's result or error."""
    try:
        answer = json.loads(text.removeprefix("event: message\n").removeprefix("data: ").strip())
    except ValueError:
        return text[:200]
    if "error" in answer:
        return str(answer["error"].get("message", ""))
    content = answer.get("result", {}).get("content") or [{}]
    return str(content[0].get("text", ""))
