"""What Gemini's side of the wire says, in the neutral words and back: requests read, answers and streams written."""

import json
from collections.abc import Sequence
from typing import Any

from app.core.usage import Usage
from app.gateway.neutral import (
    Answer,
    Choice,
    Finish,
    Format,
    Image,
    Message,
    Part,
    Piece,
    Reading,
    Request,
    Start,
    Text,
    TextPiece,
    Thinking,
    Thought,
    ThoughtPiece,
    Tool,
    ToolPiece,
    ToolResult,
    ToolStart,
    ToolUse,
)
from app.gateway.neutral.words import Stop

REASONS: dict[Stop, str] = {
    "end": "STOP",
    "tool_use": "STOP",
    "max_tokens": "MAX_TOKENS",
    "refusal": "SAFETY",
}
MODES = {"AUTO": "auto", "ANY": "any", "NONE": "none"}


def read_request(members: dict[str, Any]) -> Request:
    """A generateContent request as it arrived; what nobody takes is an error."""
    request = Reading(members, "")
    calling = Reading(request.take("toolConfig", dict, default={}).get("functionCallingConfig", {}), "c")
    mode, only = calling.text("mode"), calling.items("allowedFunctionNames")
    strict = True if mode == "VALIDATED" else None
    declared = [tool for group in request.items("tools") for tool in group["functionDeclarations"]]
    settings = request.within("generationConfig") or Reading({}, "")
    system = request.take("systemInstruction", dict, default={}).get("parts", [])
    thinking = settings.take("thinkingConfig", dict, default={})
    json_wanted = settings.text("responseMimeType") == "application/json"
    schema = settings.take("responseJsonSchema", dict)
    read = Request(
        model="",
        messages=tuple(_message(content) for content in request.items("contents")),
        system=tuple(Text(text=part["text"]) for part in system),
        tools=tuple(
            Tool(
                name=tool["name"],
                description=tool.get("description", ""),
                schema=tool["parametersJsonSchema"],
                strict=strict,
            )
            for tool in declared
        ),
        choice=Choice(kind="tool", name=only[0]) if only else _choice(mode),
        max_tokens=settings.take("maxOutputTokens", int),
        temperature=settings.take("temperature", int, float),
        top_p=settings.take("topP", int, float),
        top_k=settings.take("topK", int),
        stop=tuple(settings.items("stopSequences")),
        seed=settings.take("seed", int),
        thinking=Thinking(effort=thinking["thinkingLevel"].lower()) if thinking else None,
        format=Format(schema=schema, strict=True if schema else None) if json_wanted else None,
    )
    settings.end()
    request.end()
    return read


def _choice(mode: str) -> Choice | None:
    return Choice(kind=MODES[mode]) if mode in MODES else None  # type: ignore[arg-type]


def _message(content: dict[str, Any]) -> Message:
    parts = tuple(_part(part) for part in content["parts"])
    return Message(role="assistant" if content["role"] == "model" else "user", parts=parts)


def _part(part: dict[str, Any]) -> Part:
    if "functionCall" in part:
        call = part["functionCall"]
        arguments = json.dumps(call["args"], separators=(",", ":"))
        return ToolUse(id=call["id"], name=call["name"], arguments=arguments)
    if "functionResponse" in part:
        result = part["functionResponse"]
        [(kind, text)] = result["response"].items()
        told = [Text(text=text)] if text else []
        pictures = [_part(inner) for inner in result.get("parts", ())]
        return ToolResult(id=result["id"], parts=(*told, *pictures), failed=kind == "error")  # type: ignore[arg-type]
    if "inlineData" in part:
        return Image(media_type=part["inlineData"]["mimeType"], data=part["inlineData"]["data"])
    return Text(text=part["text"])


def write_answer(answer: Answer) -> dict[str, Any]:
    """A GenerateContentResponse."""
    parts = [_written(part) for part in answer.parts]
    return _response(parts, answer.stop, answer.usage)


def _written(part: Part) -> dict[str, Any]:
    match part:
        case Thought():
            return {"text": part.text, "thought": True}
        case ToolUse():
            return {"functionCall": {"id": part.id, "name": part.name, "args": json.loads(part.arguments)}}
        case Text():
            return {"text": part.text}
        case _:
            raise AssertionError(part)


def _response(parts: list[dict[str, Any]], stop: Stop | None, usage: Usage | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    response: dict[str, Any] = {"candidates": [candidate], "responseId": "a"}
    if stop:
        candidate["finishReason"] = REASONS[stop]
    if usage:
        response["usageMetadata"] = {
            "promptTokenCount": usage.input + usage.cache_read,
            "cachedContentTokenCount": usage.cache_read,
            "candidatesTokenCount": usage.output,
        }
    return response


class GeminiStream:
    """Events of `alt=sse`; calls of functions are told whole."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[ToolStart, list[str]]] = {}

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes for these pieces."""
        return b"".join(self._write(piece) for piece in pieces)

    def _write(self, piece: Piece) -> bytes:
        match piece:
            case Start():
                return _event([])
            case TextPiece():
                return _event([{"text": piece.text}])
            case ThoughtPiece():
                return _event([{"text": piece.text, "thought": True}])
            case ToolStart():
                self._calls[piece.number] = (piece, [])
            case ToolPiece():
                self._calls[piece.number][1].append(piece.arguments)
            case Finish(last=True):
                return _event([], usage=piece.usage)
            case Finish():
                calls = [
                    _written(ToolUse(id=start.id, name=start.name, arguments="".join(parts)))
                    for start, parts in self._calls.values()
                ]
                return _event(calls, piece.stop)
            case _:
                raise AssertionError(piece)
        return b""


def _event(parts: list[dict[str, Any]], stop: Stop | None = None, usage: Usage | None = None) -> bytes:
    return b"data: " + json.dumps(_response(parts, stop, usage)).encode() + b"\r\n\r\n"
