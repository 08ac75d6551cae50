"""OpenAI's legacy completions and embeddings as bytes."""

import base64
import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from app.demo import openai_wire
from app.demo.script import Answer

DIMENSIONS = 8
error = openai_wire.error
error_event = openai_wire.error_event


def body(answer: Answer) -> bytes:
    """A `text_completion`."""
    choice = {"text": answer.text, "index": 0, "logprobs": None, "finish_reason": "stop"}
    whole = {**_head(answer), "choices": [choice]}
    if answer.usage:
        whole["usage"] = _usage(answer)
    return msgspec.json.encode(whole)


def events(answer: Answer, *, include_usage: bool) -> Iterator[bytes]:
    """`text_completion` events and the final `[DONE]`."""
    for piece in answer.pieces:
        yield _event({**_head(answer), "choices": [_choice(piece, None)]})
    yield _event({**_head(answer), "choices": [_choice("", "stop")]})
    if answer.usage and include_usage:
        yield _event({**_head(answer), "choices": [], "usage": _usage(answer)})
    yield b"data: [DONE]\n\n"


def vectors(asked: dict[str, Any], answer: Answer) -> bytes:
    """A list of embeddings, the same for the same input; as floats, or in base64 when that is asked for."""
    given = asked.get("input")
    each = given if isinstance(given, list) and not isinstance(given[0], int) else [given]
    wanted = asked.get("dimensions") or DIMENSIONS
    packed = asked.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(item, wanted, packed=packed)}
        for index, item in enumerate(each)
    ]
    usage = {"prompt_tokens": answer.input_tokens, "total_tokens": answer.input_tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": answer.model, "usage": usage})


def _vector(item: Any, dimensions: int, *, packed: bool) -> list[float] | str:
    digest = hashlib.sha256(msgspec.json.encode(item)).digest()
    values = [digest[place % len(digest)] / 255 for place in range(dimensions)]
    return base64.b64encode(struct.pack(f"<{dimensions}f", *values)).decode() if packed else values


def _choice(text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}


def _head(answer: Answer) -> dict[str, Any]:
    head = {"id": f"cmpl-{answer.id}", "object": "text_completion", "created": openai_wire.CREATED}
    return {**head, "model": answer.model}


def _usage(answer: Answer) -> dict[str, int]:
    total = answer.input_tokens + answer.output_tokens
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": total,
    }


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
