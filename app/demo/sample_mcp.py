"""A sample tool server over stdio: a ticket desk with two tools, a resource and a prompt, in both eras of MCP."""

import json
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

MODERN = "2026-07-28"
OLD = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
PREFIX = "io.modelcontextprotocol/"
INFO = {"name": "ticket-desk", "title": "Ticket desk (sample)", "version": "1.0.0"}
CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}, "prompts": {}}
INSTRUCTIONS = "Look tickets up before you change them."
_GUIDE = "desk://guide"
_CACHED = frozenset(
    {"tools/list", "resources/list", "resources/templates/list", "resources/read", "prompts/list"}
)

Params = dict[str, Any]


class DeskError(Exception):
    """A refusal with its JSON-RPC code."""

    def __init__(self, code: int, message: str, data: Params | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Desk:
    """The tickets of one running server."""

    def __init__(self) -> None:
        self.tickets = {
            "T-1": {
                "id": "T-1",
                "title": "Printer on floor 2 is out of toner",
                "status": "open",
                "owner": "facilities",
            },
            "T-2": {
                "id": "T-2",
                "title": "VPN certificate expires on Friday",
                "status": "open",
                "owner": "network",
            },
            "T-3": {
                "id": "T-3",
                "title": "Badge reader at gate B fails",
                "status": "closed",
                "owner": "security",
            },
        }
        self._methods: dict[str, Callable[[Params], Params]] = {
            "tools/list": lambda _: {"tools": _TOOLS},
            "tools/call": self._call,
            "resources/list": lambda _: {"resources": [_RESOURCE]},
            "resources/templates/list": lambda _: {"resourceTemplates": []},
            "resources/read": _read,
            "prompts/list": lambda _: {"prompts": [_PROMPT]},
            "prompts/get": _prompt,
        }

    def answer(self, message: Any) -> Params | None:
        """The response to one message; None for a notification."""
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return _failed(None, DeskError(-32600, "This is no JSON-RPC request."))
        if "id" not in message:
            return None
        params = message.get("params")
        try:
            result = self._result(message["method"], params if isinstance(params, dict) else {})
        except DeskError as error:
            return _failed(message["id"], error)
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def _result(self, method: str, params: Params) -> Params:
        meta = params.get("_meta")
        version = meta.get(PREFIX + "protocolVersion") if isinstance(meta, dict) else None
        if version is None:
            return self._old(method, params)
        if version != MODERN:
            raise DeskError(
                -32022, "Unsupported protocol version", {"supported": [MODERN], "requested": version}
            )
        found = {"supportedVersions": [MODERN], "capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}
        if method == "server/discover":
            return {
                "resultType": "complete",
                **found,
                "ttlMs": 0,
                "cacheScope": "public",
                "_meta": {PREFIX + "serverInfo": INFO},
            }
        result = {"resultType": "complete", **self._method(method)(params)}
        return {**result, "ttlMs": 0, "cacheScope": "public"} if method in _CACHED else result

    def _old(self, method: str, params: Params) -> Params:
        if method == "initialize":
            asked = params.get("protocolVersion")
            version = asked if asked in OLD else OLD[-1]
            return {
                "protocolVersion": version,
                "capabilities": CAPABILITIES,
                "serverInfo": INFO,
                "instructions": INSTRUCTIONS,
            }
        return {} if method == "ping" else self._method(method)(params)

    def _method(self, method: str) -> Callable[[Params], Params]:
        if method not in self._methods:
            raise DeskError(-32601, f"Unknown method {method[:100]}")
        return self._methods[method]

    def _call(self, params: Params) -> Params:
        name, arguments = params.get("name"), params.get("arguments") or {}
        if name not in ("lookup_ticket", "delete_ticket"):
            raise DeskError(-32602, f"Unknown tool {str(name)[:100]}")
        ticket = self.tickets.get(str(arguments.get("id", "")))
        if ticket is None:
            known = ", ".join(self.tickets)
            return {
                "content": [{"type": "text", "text": f"There is no such ticket; there are {known}."}],
                "isError": True,
            }
        if name == "delete_ticket":
            del self.tickets[ticket["id"]]
            return {"content": [{"type": "text", "text": f"Deleted {ticket['id']}."}], "isError": False}
        text = f"{ticket['id']}: {ticket['title']} ({ticket['status']}, {ticket['owner']})"
        return {"content": [{"type": "text", "text": text}], "structuredContent": ticket, "isError": False}


def _tool(name: str, description: str, **annotations: bool) -> Params:
    identifier = {"type": "string", "description": "Ticket number, such as T-2"}
    schema = {
        "type": "object",
        "properties": {"id": identifier},
        "required": ["id"],
        "additionalProperties": False,
    }
    return {"name": name, "description": description, "inputSchema": schema, "annotations": annotations}


_TOOLS = [
    _tool("delete_ticket", "Delete a ticket for good.", readOnlyHint=False, destructiveHint=True),
    _tool("lookup_ticket", "Look a ticket up by its number.", readOnlyHint=True),
]
_RESOURCE = {
    "uri": _GUIDE,
    "name": "guide",
    "description": "How the ticket desk works",
    "mimeType": "text/plain",
}
_PROMPT = {
    "name": "summarize_ticket",
    "description": "Ask for a summary of a ticket",
    "arguments": [{"name": "id", "description": "Ticket number", "required": True}],
}


def _read(params: Params) -> Params:
    if params.get("uri") != _GUIDE:
        raise DeskError(-32602, "There is no such resource", {"uri": params.get("uri")})
    return {
        "contents": [
            {
                "uri": _GUIDE,
                "mimeType": "text/plain",
                "text": "Tickets are looked up by number and never deleted.",
            }
        ]
    }


def _prompt(params: Params) -> Params:
    if params.get("name") != "summarize_ticket":
        raise DeskError(-32602, "There is no such prompt")
    number = str((params.get("arguments") or {}).get("id", ""))
    text = f"Look up ticket {number} and summarize it in two sentences."
    return {
        "description": "Summary of a ticket",
        "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
    }


def _failed(identifier: Any, error: DeskError) -> Params:
    body: Params = {"code": error.code, "message": str(error)}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": identifier, "error": body}


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer line by line until the input ends."""
    desk = Desk()
    for line in source:
        if not line.strip():
            continue
        try:
            answer = desk.answer(json.loads(line))
        except ValueError:
            answer = _failed(None, DeskError(-32700, "This is no JSON."))
        if answer is not None:
            sink.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
            sink.flush()


def main() -> None:
    """Serve on standard input and output."""
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
