"""Anthropic's messages as bytes: the whole answer, or the named events of a stream."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.demo.script import Answer


def body(answer: Answer) -> bytes:
    """A `message`."""
    content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.pieces else []
    for number, tool in enumerate(answer.tools):
        block = {"type": "tool_use", "id": _tool_id(answer, number), "name": tool.name}
        content.append({**block, "input": msgspec.Raw(tool.arguments.encode())})
    return msgspec.json.encode(
        {**_message(answer), "content": content, "usage": _usage(answer, answer.output_tokens)}
    )


def events(answer: Answer) -> Iterator[bytes]:
    """`message_start` to `message_stop`, with a ping as the real service sends one."""
    start = {**_message(answer), "content": [], "stop_reason": None, "usage": _usage(answer, 1)}
    yield _event("message_start", message=start)
    index = 0
    if answer.pieces:
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        yield _event("ping")
        for piece in answer.pieces:
            yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
        yield _event("content_block_stop", index=0)
        index = 1
    for number, tool in enumerate(answer.tools, index):
        block = {"type": "tool_use", "id": _tool_id(answer, number), "name": tool.name, "input": {}}
        yield _event("content_block_start", index=number, content_block=block)
        for start_at in range(0, len(tool.arguments), 7):
            part = {"type": "input_json_delta", "partial_json": tool.arguments[start_at : start_at + 7]}
            yield _event("content_block_delta", index=number, delta=part)
        yield _event("content_block_stop", index=number)
    ending = {"stop_reason": _stop(answer), "stop_sequence": None}
    yield _event(
        "message_delta", delta=ending, usage={"output_tokens": answer.output_tokens} if answer.usage else {}
    )
    yield _event("message_stop")


def error(status: int) -> bytes:
    """The provider's own error body."""
    names = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        429: "rate_limit_error",
    }
    names |= {413: "request_too_large", 529: "overloaded_error"}
    kind = names.get(status, "api_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": f"simulated {kind}"}})


def error_event() -> bytes:
    """An error in mid-stream."""
    return _event("error", error={"type": "overloaded_error", "message": "Overloaded"})


def _event(name: str, **members: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode({"type": name, **members}) + b"\n\n"


def _message(answer: Answer) -> dict[str, Any]:
    identity = {"id": f"msg_{answer.id}", "type": "message", "role": "assistant", "model": answer.model}
    return {**identity, "stop_reason": _stop(answer), "stop_sequence": None}


def _tool_id(answer: Answer, number: int) -> str:
    return f"toolu_{answer.id[:20]}{number:04d}"


def _stop(answer: Answer) -> str:
    return "tool_use" if answer.tools else "end_turn"


def _usage(answer: Answer, output: int) -> dict[str, int]:
    if not answer.usage:
        return {}
    cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"input_tokens": answer.input_tokens, **cache, "output_tokens": output}
