"""OpenAI's chat completions as bytes: the whole answer, or the events of a stream."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.demo.script import Answer, ToolUse

CREATED = 1_760_000_000


def body(answer: Answer) -> bytes:
    """A `chat.completion`."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.tools:
        message["tool_calls"] = [
            {"id": _call_id(answer, number), "type": "function", "function": _function(tool, tool.arguments)}
            for number, tool in enumerate(answer.tools)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    whole = {**_head(answer, "chat.completion"), "choices": [choice], "service_tier": "default"}
    if answer.usage:
        whole["usage"] = _usage(answer)
    return msgspec.json.encode(whole)


def events(answer: Answer, *, include_usage: bool) -> Iterator[bytes]:
    """`chat.completion.chunk` events and the final `[DONE]`."""
    yield _chunk(answer, {"role": "assistant", "content": "", "refusal": None})
    for piece in answer.pieces:
        yield _chunk(answer, {"content": piece})
    for number, tool in enumerate(answer.tools):
        first = {
            "index": number,
            "id": _call_id(answer, number),
            "type": "function",
            "function": _function(tool, ""),
        }
        yield _chunk(answer, {"tool_calls": [first]})
        for start in range(0, len(tool.arguments), 7):
            part = {"index": number, "function": {"arguments": tool.arguments[start : start + 7]}}
            yield _chunk(answer, {"tool_calls": [part]})
    yield _chunk(answer, {}, finish=_finish(answer))
    if answer.usage and include_usage:
        yield _event({**_head(answer, "chat.completion.chunk"), "choices": [], "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def error(status: int) -> bytes:
    """The provider's own error body."""
    kind = (
        "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    )
    return msgspec.json.encode(
        {"error": {"message": f"simulated {kind}", "type": kind, "param": None, "code": None}}
    )


def error_event() -> bytes:
    """An error in mid-stream."""
    return _event(
        {"error": {"message": "simulated overload", "type": "server_error", "param": None, "code": None}}
    )


def _chunk(answer: Answer, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return _event({**_head(answer, "chat.completion.chunk"), "choices": [choice]})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    identity = {"id": f"chatcmpl-{answer.id}", "object": kind, "created": CREATED, "model": answer.model}
    return {**identity, "system_fingerprint": "fp_simulated"}


def _call_id(answer: Answer, number: int) -> str:
    return f"call_{answer.id[:20]}{number:04d}"


def _function(tool: ToolUse, arguments: str) -> dict[str, str]:
    return {"name": tool.name, "arguments": arguments}


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.tools else "stop"


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
