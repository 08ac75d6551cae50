"""Bedrock's Converse as bytes: the whole answer, or the frames of an AWS event stream."""

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import msgspec

from app.demo.script import Answer

STREAM_TYPE = "application/vnd.amazon.eventstream"
_PLACE = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
_TEXT = 7


def asked(place: str, members: dict[str, Any]) -> dict[str, Any] | None:
    """The request in the words that scripts understand; None when it does not belong here."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return None
    return {
        "model": unquote(found[1]),
        "messages": [told for message in members.get("messages") or () for told in _messages(message)],
        "tools": (members.get("toolConfig") or {}).get("tools"),
        "max_tokens": (members.get("inferenceConfig") or {}).get("maxTokens"),
        "thoughts": "thinking" in (members.get("additionalModelRequestFields") or {}),
        "stream": found[2] == "converse-stream",
        "problem": _problem(members),
    }


def _messages(message: dict[str, Any]) -> list[dict[str, Any]]:
    results = [{"role": "tool"} for part in message["content"] if "toolResult" in part]
    texts = [{"type": "text", "text": part["text"]} for part in message["content"] if "text" in part]
    return [*([{"role": message["role"], "content": texts}] if texts else []), *results]


def _problem(members: dict[str, Any]) -> str:
    """What the real service refuses with 400."""
    blocks = [part for message in members.get("messages") or () for part in message["content"]]
    if any("toolUse" in part or "toolResult" in part for part in blocks) and "toolConfig" not in members:
        return "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    results = [inner for part in blocks for inner in part.get("toolResult", {}).get("content", ())]
    if any(not part["text"].strip() for part in (*blocks, *results) if "text" in part):
        return (
            "The text field in the ContentBlock object is blank. Add text to the text field, and try again."
        )
    roles = [message["role"] for message in members.get("messages") or ()]
    if any(one == other for one, other in pairwise(roles)):
        return "A conversation must alternate between user and assistant roles."
    return ""


def body(answer: Answer) -> bytes:
    """The answer of Converse."""
    content: list[dict[str, Any]] = []
    if answer.thoughts:
        content.append(
            {"reasoningContent": {"reasoningText": {"text": "Let me think.", "signature": "c2ln"}}}
        )
    content += [{"text": answer.text}] if answer.pieces else []
    for number, tool in enumerate(answer.tools):
        use = {"toolUseId": _tool_id(answer, number), "name": tool.name}
        content.append({"toolUse": {**use, "input": msgspec.Raw(tool.arguments.encode())}})
    message = {"role": "assistant", "content": content}
    told = {"usage": _usage(answer)} if answer.usage else {}
    return msgspec.json.encode(
        {"metrics": {"latencyMs": 7}, "output": {"message": message}, "stopReason": _stop(answer), **told}
    )


def events(answer: Answer) -> Iterator[bytes]:
    """`messageStart` to `metadata`; blocks of text begin without an event of their own."""
    yield _event("messageStart", role="assistant")
    index = 0
    if answer.thoughts:
        for reasoning in ({"text": "Let me think."}, {"signature": "c2ln"}):
            yield _event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": reasoning})
        yield _event("contentBlockStop", contentBlockIndex=0)
        index = 1
    if answer.pieces:
        for piece in answer.pieces:
            yield _event("contentBlockDelta", contentBlockIndex=index, delta={"text": piece})
        yield _event("contentBlockStop", contentBlockIndex=index)
        index += 1
    for number, tool in enumerate(answer.tools):
        at = {"contentBlockIndex": index + number}
        use = {"toolUseId": _tool_id(answer, number), "name": tool.name}
        yield _event("contentBlockStart", **at, start={"toolUse": use})
        for start in range(0, len(tool.arguments), 7):
            part = {"toolUse": {"input": tool.arguments[start : start + 7]}}
            yield _event("contentBlockDelta", **at, delta=part)
        yield _event("contentBlockStop", **at)
    yield _event("messageStop", stopReason=_stop(answer))
    if answer.usage:
        yield _event("metadata", usage=_usage(answer), metrics={"latencyMs": 7})


def error(status: int, message: str = "") -> bytes:
    """The provider's own error body; its kind stands in a header."""
    return msgspec.json.encode({"message": message or f"simulated error {status}"})


def error_event() -> bytes:
    """A failure in mid-stream: a frame of another type."""
    headers = {":exception-type": "modelStreamErrorException", ":content-type": "application/json"}
    return frame({**headers, ":message-type": "exception"}, b'{"message":"Overloaded"}')


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of an AWS event stream, with both check sums."""
    block = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _TEXT, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 12 + len(block) + len(payload) + 4, len(block))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def _event(kind: str, **members: Any) -> bytes:
    """The service pads its payloads, so that their lengths tell nothing."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, msgspec.json.encode({**members, "p": "abcdefghij"}))


def _tool_id(answer: Answer, number: int) -> str:
    return f"tooluse_{answer.id[:20]}{number:04d}"


def _stop(answer: Answer) -> str:
    return "tool_use" if answer.tools else "end_turn"


def _usage(answer: Answer) -> dict[str, int]:
    given, said = answer.input_tokens, answer.output_tokens
    cache = {"cacheReadInputTokens": 0, "cacheWriteInputTokens": 0}
    return {"inputTokens": given, "outputTokens": said, "totalTokens": given + said, **cache}
