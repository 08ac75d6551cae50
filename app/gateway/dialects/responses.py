"""OpenAI responses: answers, typed events, errors."""

from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.dialects.dialect import Said, Seen, ToolUse, decoded, service_of, unreadable
from app.gateway.dialects.openai import OPENAI
from app.gateway.sse import Event

_OF_PROVIDER = frozenset(
    (
        *("code_interpreter_call", "file_search_call", "image_generation_call", "mcp_call"),
        *("mcp_approval_request", "mcp_list_tools", "web_search_call"),
    )
)
_SAID = frozenset(("message", "reasoning", "compaction", "function_call_output", "custom_tool_call_output"))
_WHOLE = ("response.completed", "response.incomplete")
_HOLDING = "response.function_call_arguments.", "response.custom_tool_call_input.", "response.mcp_call"


class _Part(msgspec.Struct):
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    action: Any = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Response(msgspec.Struct):
    status: str | None = None
    output: list[_Item] | None = None
    usage: _Usage | None = None
    service_tier: str | None = None


class _Event(msgspec.Struct):
    type: str
    output_index: int = -1
    item: _Item | None = None
    delta: Any = None
    response: _Response | None = None


_READ_EVENT = msgspec.json.Decoder(_Event).decode
_READ_RESPONSE = msgspec.json.Decoder(_Response).decode


class Responses:
    """The dialect of the responses API."""

    name = "openai-responses"
    ping = OPENAI.ping
    headers = ()
    stream_type = OPENAI.stream_type
    frames = OPENAI.frames
    credential = OPENAI.credential
    error = OPENAI.error

    def reader(self) -> "ResponsesReader":
        """A reader for one stream."""
        return ResponsesReader()

    def read(self, body: bytes) -> Said:
        """What a `response` says."""
        response = decoded(_READ_RESPONSE, body)
        usage = _usage(response)
        said = Said(usage=usage, stop=response.status or "", complete=True, counted=usage is not None)
        for item in response.output or ():
            _say(said, item)
            if _uses_tool(item):
                said.tools.append(_tool(item))
        return said

    def error_event(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """A response that failed: clients wait for one of its last events."""
        error = {"code": code, "message": message}
        response = {
            "id": f"resp_{trace_id}",
            "object": "response",
            "status": "failed",
            "error": error,
            "output": [],
            "trace_id": trace_id,
        }
        data = {"type": "response.failed", "sequence_number": 0, "response": response}
        return b"event: response.failed\ndata: " + msgspec.json.encode(data) + b"\n\n"


class ResponsesReader:
    """Holds an item that uses a tool until it is whole; the last event must tell the same items again."""

    def __init__(self) -> None:
        self.said = Said()
        self._held: set[int] = set()
        self._whole: list[ToolUse] = []

    def see(self, event: Event) -> Seen:
        """What to do with the next event."""
        if event.data is None:
            return Seen.FLOW
        message = decoded(_READ_EVENT, event.data)
        if event.name and event.name != message.type:
            raise unreadable(ValueError(f"event {event.name[:40]!r} carries {message.type[:40]!r}"))
        return self._follow(message)

    def take(self) -> list[ToolUse]:
        """The tool uses not judged yet."""
        tools, self._whole = self._whole, []
        self._held.clear()
        self.said.tools.extend(tools)
        return tools

    def _follow(self, message: _Event) -> Seen:
        kind, item = message.type, message.item
        if kind == "response.output_item.added" and item is not None and _uses_tool(item):
            self._held.add(message.output_index)
        elif kind == "response.output_item.done" and item is not None:
            return self._done(message.output_index, item)
        elif kind in _WHOLE:
            return self._end(message.response or _Response())
        elif kind in ("response.failed", "error"):
            self._count(message.response)
            return Seen.FAIL
        elif kind.startswith(_HOLDING) and message.output_index not in self._held:
            raise unreadable(ValueError("a tool use grew outside its item"))
        elif isinstance(message.delta, str):
            self._delta(kind, message.delta)
        return Seen.HOLD if self._held else Seen.FLOW

    def _done(self, index: int, item: _Item) -> Seen:
        if not _uses_tool(item):
            if index in self._held:
                raise unreadable(ValueError("a tool use ended as something else"))
            return Seen.HOLD if self._held else Seen.FLOW
        tool = _tool(item)
        self._whole.append(tool)
        self.said.characters += len(str(tool.arguments))
        self._held.discard(index)
        return Seen.HOLD if self._held else Seen.JUDGE

    def _delta(self, kind: str, delta: str) -> None:
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            self.said.add(delta)
        elif kind.startswith("response.reasoning"):
            self.said.characters += len(delta)

    def _end(self, response: _Response) -> Seen:
        """Tool uses that only the last event tells are judged before it is released."""
        known = [*self.said.tools, *self._whole]
        for item in response.output or ():
            if _uses_tool(item) and (tool := _tool(item)) not in known:
                self._whole.append(tool)
        self._count(response)
        self.said.complete = True
        self.said.stop = response.status or ""
        return Seen.END

    def _count(self, response: _Response | None) -> None:
        usage = _usage(response) if response else None
        if usage is not None:
            self.said.usage, self.said.counted = usage, True


def _uses_tool(item: _Item) -> bool:
    """Everything but what is known to be words: an item of a kind that we do not know may act."""
    return item.type not in _SAID


def _tool(item: _Item) -> ToolUse:
    name = item.name or item.type
    arguments: str | dict[str, Any] = item.arguments or ""
    if item.input is not None:
        arguments = {"input": item.input}
    elif item.action is not None:
        arguments = item.action if isinstance(item.action, dict) else {"action": item.action}
    by = "provider" if item.type in _OF_PROVIDER else "client"
    return ToolUse(id=item.call_id or item.id or "", name=name, arguments=arguments, by=by)


def _say(said: Said, item: _Item) -> None:
    for part in item.content or () if item.type == "message" else ():
        said.add(part.text or part.refusal or "")
    for part in item.summary or ():
        said.characters += len(part.text or "")
    if _uses_tool(item):
        said.characters += len(str(_tool(item).arguments))


def _usage(response: _Response) -> Usage | None:
    usage = response.usage
    if usage is None:
        return None
    cached = (usage.input_tokens_details and usage.input_tokens_details.cached_tokens) or 0
    reasoning = (usage.output_tokens_details and usage.output_tokens_details.reasoning_tokens) or 0
    fresh = max(0, (usage.input_tokens or 0) - cached)
    return Usage(
        input=fresh,
        output=usage.output_tokens or 0,
        cache_read=cached,
        reasoning=reasoning,
        images=sum(item.type == "image_generation_call" for item in response.output or ()),
        service=service_of(response.service_tier),
    )


RESPONSES = Responses()
