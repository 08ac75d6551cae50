"""OpenAI chat completions: answers, `chat.completion.chunk` events, errors."""

from typing import Any

import msgspec

from app.core.usage import Usage
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
    429: "rate_limit_error",
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Message(msgspec.Struct):
    content: str | list[Any] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    service_tier: str | None = None
    error: Any = None


_DECODE = msgspec.json.Decoder(_Answer).decode


class OpenAI:
    """The dialect of OpenAI and of everything compatible with it."""

    name = "openai"
    ping = b": ping\n\n"
    headers = ()
    stream_type = SSE

    def frames(self) -> EventParser:
        """A parser for one stream."""
        return EventParser()

    def reader(self) -> "OpenAIReader":
        """A reader for one stream."""
        return OpenAIReader()

    def read(self, body: bytes) -> Said:
        """What a `chat.completion` says."""
        answer = decoded(_DECODE, body)
        said = Said(usage=_usage(answer), complete=True, counted=answer.usage is not None)
        for choice in answer.choices or ():
            message = choice.message or _Message()
            _say(said, message)
            said.tools.extend(_whole([call]) for call in _calls(message))
            said.stop = choice.finish_reason or said.stop
        said.characters += sum(len(str(tool.arguments)) for tool in said.tools)
        return said

    def credential(self, key: str, sent: Sent) -> Headers:
        """The key as a bearer token."""
        return (("authorization", f"Bearer {key}"),)

    def error(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """`{"error": …}` with the trace beside what the SDKs read."""
        kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        error = {"message": message, "type": kind, "param": None, "code": code, "trace_id": trace_id}
        return msgspec.json.encode({"error": error})

    def error_event(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same as an event: the SDKs raise it."""
        return b"data: " + self.error(status=status, message=message, code=code, trace_id=trace_id) + b"\n\n"


class OpenAIReader:
    """Puts tool calls together from their fragments, by choice and index."""

    def __init__(self) -> None:
        self.said = Said()
        self._open: dict[tuple[int, int], list[_ToolCall]] = {}
        self._finished: set[int] = set()

    def see(self, event: Event) -> Seen:
        """What to do with the next event."""
        if event.data is None:
            return Seen.FLOW
        if event.data.strip() == b"[DONE]":
            self.said.complete = True
            return Seen.END
        chunk = decoded(_DECODE, event.data)
        if chunk.error is not None:
            return Seen.FAIL
        if chunk.usage is not None:
            self.said.usage = _usage(chunk)
            self.said.counted = True
        for choice in chunk.choices or ():
            delta = choice.delta or choice.message or _Message()
            _say(self.said, delta)
            for call in _calls(delta):
                self._add(choice.index, call)
            if choice.finish_reason:
                self._finished.add(choice.index)
                self.said.complete = True
                self.said.stop = choice.finish_reason
        if not self._open:
            return Seen.FLOW
        return Seen.JUDGE if all(choice in self._finished for choice, _ in self._open) else Seen.HOLD

    def take(self) -> list[ToolUse]:
        """The tool uses not judged yet."""
        tools = [_whole(parts) for parts in self._open.values()]
        self._open.clear()
        self.said.tools.extend(tools)
        return tools

    def _add(self, choice: int, call: _ToolCall) -> None:
        if choice in self._finished:
            raise unreadable(ValueError("a tool call grew after its end"))
        # Without an index it is a call of its own, which nothing that has one may grow into.
        key = (choice, call.index if call.index is not None else -2 - len(self._open))
        self._open.setdefault(key, []).append(call)
        called = call.function or call.custom
        self.said.characters += len((called and (called.arguments or called.input)) or "")


def _say(said: Said, message: _Message) -> None:
    content = message.content
    if isinstance(content, str):
        said.add(content)
    elif content:
        for part in content:
            said.add(str(part.get("text", "")) if isinstance(part, dict) else "")
    said.add(message.refusal or "")
    said.characters += len(message.reasoning_content or "")


def _calls(message: _Message) -> list[_ToolCall]:
    calls = list(message.tool_calls or ())
    if message.function_call is not None:
        calls.append(_ToolCall(index=-1, function=message.function_call))
    return calls


def _whole(parts: list[_ToolCall]) -> ToolUse:
    name = arguments = free = identity = ""
    for part in parts:
        identity = identity or part.id or ""
        for called in (part.function, part.custom):
            if called is not None:
                name += called.name or ""
                arguments += called.arguments or ""
                free += called.input or ""
    return ToolUse(id=identity, name=name, arguments={"input": free} if free and not arguments else arguments)


def _usage(answer: _Answer) -> Usage | None:
    usage = answer.usage
    if usage is None:
        return None
    cached = (usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens) or 0
    reasoning = (usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens) or 0
    fresh = max(0, (usage.prompt_tokens or 0) - cached)
    return Usage(
        input=fresh,
        output=usage.completion_tokens or 0,
        cache_read=cached,
        reasoning=reasoning,
        service=service_of(answer.service_tier),
    )


OPENAI = OpenAI()
