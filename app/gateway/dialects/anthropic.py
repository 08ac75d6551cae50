"""Anthropic messages: answers, named events, errors."""

from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.dialects.blocks import ToolBlocks
from app.gateway.dialects.dialect import (
    SSE,
    Headers,
    Said,
    Seen,
    Sent,
    ToolUse,
    decoded,
    service_of,
    unreadable,
)
from app.gateway.sse import Event, EventParser

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    input: Any = None
    text: str | None = None
    thinking: str | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None


class _Written(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Written | None = None
    service_tier: str | None = None


class _Message(msgspec.Struct):
    content: list[_Block] = []
    stop_reason: str | None = None
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = -1
    content_block: _Block | None = None
    delta: _Delta | None = None
    message: _Message | None = None
    usage: _Usage | None = None


_READ_EVENT = msgspec.json.Decoder(_Event).decode
_READ_MESSAGE = msgspec.json.Decoder(_Message).decode


class Anthropic:
    """The dialect of the messages API."""

    name = "anthropic"
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    headers = (("anthropic-version", "2023-06-01"),)
    stream_type = SSE

    def frames(self) -> EventParser:
        """A parser for one stream."""
        return EventParser()

    def reader(self) -> "AnthropicReader":
        """A reader for one stream."""
        return AnthropicReader()

    def read(self, body: bytes) -> Said:
        """What a `message` says."""
        message = decoded(_READ_MESSAGE, body)
        usage = _usage(message.usage, None)
        said = Said(usage=usage, stop=message.stop_reason or "", complete=True, counted=usage is not None)
        for block in message.content:
            said.add(block.text or "")
            said.characters += len(block.thinking or "")
            if _uses_tool(block):
                said.tools.append(_tool(block))
                said.characters += len(str(block.input))
        return said

    def credential(self, key: str, sent: Sent) -> Headers:
        """The key in its own header."""
        return (("x-api-key", key),)

    def error(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """`{"type": "error", …}` with the trace where the SDKs look for the request's id."""
        kind = "billing_error" if code == "budget_exceeded" else _KINDS.get(status)
        kind = kind or ("api_error" if status >= 500 else "invalid_request_error")
        error = {"type": kind, "message": message}
        return msgspec.json.encode(
            {"type": "error", "error": error, "request_id": trace_id, "code": code, "trace_id": trace_id}
        )

    def error_event(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same as an event."""
        return (
            b"event: error\ndata: "
            + self.error(status=status, message=message, code=code, trace_id=trace_id)
            + b"\n\n"
        )


class AnthropicReader:
    """Puts tool uses together from their blocks."""

    def __init__(self) -> None:
        self.said = Said()
        self._blocks = ToolBlocks(self.said)
        self.take = self._blocks.take
        self._usage: _Usage | None = None

    def see(self, event: Event) -> Seen:
        """What to do with the next event."""
        if event.data is None:
            return Seen.FLOW
        message = decoded(_READ_EVENT, event.data)
        if event.name and event.name != message.type:
            raise unreadable(ValueError(f"event {event.name[:40]!r} carries {message.type[:40]!r}"))
        return self._follow(message)

    def _follow(self, message: _Event) -> Seen:
        kind = message.type
        if kind == "content_block_delta":
            self._grow(message.index, message.delta or _Delta())
        elif kind == "content_block_start":
            block = message.content_block or _Block()
            self.said.add(block.text or "")
            return self._blocks.begin(message.index, _tool(block) if _uses_tool(block) else None)
        elif kind == "content_block_stop":
            return self._blocks.end(message.index)
        elif kind == "message_start":
            self._count(message.message and message.message.usage, whole=False)
        elif kind == "message_delta":
            self._count(message.usage, whole=True)
            self.said.stop = (message.delta and message.delta.stop_reason) or self.said.stop
        elif kind == "message_stop":
            self.said.complete = True
            return Seen.END
        elif kind == "error":
            return Seen.FAIL
        return Seen.FLOW if kind == "ping" else self._blocks.now()

    def _grow(self, index: int, delta: _Delta) -> None:
        self.said.add(delta.text or "")
        self.said.characters += len(delta.thinking or "")
        if delta.partial_json:
            self._blocks.grow(index, delta.partial_json)

    def _count(self, usage: _Usage | None, *, whole: bool) -> None:
        """Usage in `message_delta` is cumulative; at the start it knows the input only."""
        counted = _usage(usage, self._usage)
        if counted is not None:
            self.said.usage = counted
            self.said.counted = whole
            self._usage = self._usage or usage


def _uses_tool(block: _Block) -> bool:
    return block.type.endswith("tool_use")


def _tool(block: _Block) -> ToolUse:
    arguments = block.input if isinstance(block.input, dict) else str(block.input or "")
    by = "client" if block.type == "tool_use" else "provider"
    return ToolUse(id=block.id or "", name=block.name or "", arguments=arguments, by=by)


def _usage(usage: _Usage | None, start: _Usage | None) -> Usage | None:
    if usage is None or usage == _Usage():
        return None
    first = start or usage
    return Usage(
        input=_first(usage.input_tokens, first.input_tokens),
        output=usage.output_tokens or 0,
        cache_read=_first(usage.cache_read_input_tokens, first.cache_read_input_tokens),
        cache_write=_first(usage.cache_creation_input_tokens, first.cache_creation_input_tokens),
        cache_write_long=_first(_long(usage), _long(first)),
        service=service_of(usage.service_tier or first.service_tier),
    )


def _long(usage: _Usage) -> int | None:
    return usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else None


def _first(value: int | None, otherwise: int | None) -> int:
    return value or otherwise or 0


ANTHROPIC = Anthropic()
