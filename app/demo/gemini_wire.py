"""Gemini's generateContent as bytes: the whole answer, or the events of a stream, and what it refuses."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from app.demo.script import Answer

STREAM_TYPE = "text/event-stream"
_PLACE = re.compile(r"/v1(?:beta)?/models/([^/:]+):(generateContent|streamGenerateContent)(\?alt=sse)?")
_KINDS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


def asked(place: str, members: dict[str, Any]) -> dict[str, Any] | None:
    """The request in the words that scripts understand; None when it does not belong here."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return None
    messages = [message for content in members.get("contents") or () for message in _messages(content)]
    settings = members.get("generationConfig") or {}
    return {
        "model": unquote(found[1]),
        "messages": messages,
        "tools": members.get("tools"),
        "max_tokens": settings.get("maxOutputTokens"),
        "thoughts": (settings.get("thinkingConfig") or {}).get("includeThoughts", False),
        "stream": found[2] == "streamGenerateContent",
        "problem": _problem(members.get("contents") or [], unquote(found[1])),
    }


def _messages(content: dict[str, Any]) -> list[dict[str, Any]]:
    parts = content.get("parts") or []
    results = [{"role": "tool"} for part in parts if "functionResponse" in part]
    texts = [{"type": "text", "text": part["text"]} for part in parts if "text" in part]
    return [*([{"role": content.get("role"), "content": texts}] if texts else []), *results]


def _problem(contents: list[dict[str, Any]], model: str) -> str:
    """What the real service refuses with 400."""
    called: dict[str, str] = {}
    for content in contents:
        calls = [part for part in content.get("parts") or () if "functionCall" in part]
        if calls and "gemini-3" in model and not calls[0].get("thoughtSignature"):
            return "Function call is missing a thought_signature in functionCall parts."
        called |= {part["functionCall"]["id"]: part["functionCall"]["name"] for part in calls}
        for part in content.get("parts") or ():
            result = part.get("functionResponse")
            if result and called.get(result["id"]) != result["name"]:
                return (
                    "Please ensure that function response turn comes immediately after a function call turn."
                )
    return ""


def body(answer: Answer) -> bytes:
    """A GenerateContentResponse."""
    return msgspec.json.encode(_response(answer, _parts(answer), last=True))


def events(answer: Answer) -> Iterator[bytes]:
    """Several of them, each with more; the last one says why it ends, with an empty text as the service does."""
    if answer.thoughts:
        yield _event(_response(answer, [{"text": "Let me think.", "thought": True}]))
    for piece in answer.pieces:
        yield _event(_response(answer, [{"text": piece}]))
    if answer.tools:
        yield _event(_response(answer, _calls(answer)))
    yield _event(_response(answer, [{"text": ""}], last=True))


def error(status: int, message: str = "") -> bytes:
    """The provider's own error body; a key that is no good is answered with 400, and how long to wait stands there."""
    kind = _KINDS.get(status, "UNAVAILABLE")
    told = {"code": status, "message": message or f"simulated {kind}", "status": kind}
    kinds = "type.googleapis.com/google.rpc."
    details = {
        400: {"@type": f"{kinds}ErrorInfo", "reason": "API_KEY_INVALID"},
        429: {"@type": f"{kinds}RetryInfo", "retryDelay": "1.5s"},
    }
    known = status in details and not message
    return msgspec.json.encode({"error": told | ({"details": [details[status]]} if known else {})})


def error_event() -> bytes:
    """An error in mid-stream."""
    return _event({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}})


def signature(answer: Answer, number: int) -> str:
    """What stands for the reasoning behind a call."""
    return base64.b64encode(f"{answer.id}/{number}".encode()).decode()


def _parts(answer: Answer) -> list[dict[str, Any]]:
    thoughts = [{"text": "Let me think.", "thought": True}] if answer.thoughts else []
    return [*thoughts, *([{"text": answer.text}] if answer.pieces else []), *_calls(answer)]


def _calls(answer: Answer) -> list[dict[str, Any]]:
    """Calls of functions, without ids as older models give them; the first one is signed."""
    calls: list[dict[str, Any]] = [
        {"functionCall": {"name": tool.name, "args": msgspec.Raw(tool.arguments.encode())}}
        for tool in answer.tools
    ]
    for call in calls[:1]:
        call["thoughtSignature"] = signature(answer, 0)
    return calls


def _response(answer: Answer, parts: list[dict[str, Any]], *, last: bool = False) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    usage = {"promptTokenCount": answer.input_tokens, "totalTokenCount": answer.input_tokens}
    if last:
        candidate["finishReason"] = "STOP"
        usage |= {"candidatesTokenCount": answer.output_tokens}
        usage["totalTokenCount"] += answer.output_tokens
    told = {"usageMetadata": usage} if answer.usage else {}
    return {"candidates": [candidate], **told, "modelVersion": answer.model, "responseId": answer.id}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\r\n\r\n"
