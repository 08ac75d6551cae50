"""OpenAI's responses as bytes: the whole response, or the typed events of a stream."""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.demo.openai_wire import CREATED, error
from app.demo.script import Answer

__all__ = ["body", "error", "error_event", "events"]


def body(answer: Answer) -> bytes:
    """A `response`."""
    return msgspec.json.encode(_response(answer, "completed", list(_items(answer))))


def events(answer: Answer) -> Iterator[bytes]:
    """`response.created` to `response.completed`."""
    number = iter(range(1_000_000))

    def event(name: str, **members: Any) -> bytes:
        data = {"type": name, "sequence_number": next(number), **members}
        return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"

    yield event("response.created", response=_response(answer, "in_progress", []))
    items = list(_items(answer))
    for index, item in enumerate(items):
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            yield event(
                "response.output_item.added",
                output_index=index,
                item={**item, "content": [], "status": "in_progress"},
            )
            part = {"type": "output_text", "text": "", "annotations": []}
            yield event("response.content_part.added", **place, content_index=0, part=part)
            for piece in answer.pieces:
                yield event("response.output_text.delta", **place, content_index=0, delta=piece, logprobs=[])
            yield event("response.output_text.done", **place, content_index=0, text=answer.text, logprobs=[])
            yield event("response.content_part.done", **place, content_index=0, part=item["content"][0])
        else:
            yield event(
                "response.output_item.added",
                output_index=index,
                item={**item, "arguments": "", "status": "in_progress"},
            )
            for start in range(0, len(item["arguments"]), 7):
                yield event(
                    "response.function_call_arguments.delta",
                    **place,
                    delta=item["arguments"][start : start + 7],
                )
            yield event("response.function_call_arguments.done", **place, arguments=item["arguments"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=_response(answer, "completed", items))


def error_event() -> bytes:
    """An error in mid-stream."""
    error = {"code": "server_error", "message": "simulated overload"}
    response = {"id": "resp_failed", "object": "response", "status": "failed", "error": error, "output": []}
    data = {"type": "response.failed", "sequence_number": 99, "response": response}
    return b"event: response.failed\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _items(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.pieces:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        yield {
            "id": f"msg_{answer.id}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": content,
        }
    for number, tool in enumerate(answer.tools):
        yield {
            "id": f"fc_{answer.id}{number}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{answer.id[:20]}{number:04d}",
            "name": tool.name,
            "arguments": tool.arguments,
        }


def _response(answer: Answer, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    if answer.usage and status == "completed":
        whole["usage"] = {
            "input_tokens": answer.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.input_tokens + answer.output_tokens,
        }
    return whole
