"""What Bedrock's side of the wire says, in the neutral words and back: requests read, answers and streams written."""

import json
from collections.abc import Sequence
from typing import Any

from app.demo.bedrock_wire import frame
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
    "end": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "refusal": "content_filtered",
}


def read_request(members: dict[str, Any]) -> Request:
    """A Converse request as it arrived; what nobody takes is an error."""
    request = Reading(members, "")
    config = request.within("toolConfig") or Reading({}, "")
    settings = request.within("inferenceConfig") or Reading({}, "")
    more = request.within("additionalModelRequestFields") or Reading({}, "")
    thinking = more.take("thinking", dict)
    read = Request(
        model="",
        messages=tuple(
            Message(role=message["role"], parts=tuple(_part(part) for part in message["content"]))
            for message in request.items("messages")
        ),
        system=tuple(Text(text=part["text"]) for part in request.items("system")),
        tools=tuple(_tool(tool["toolSpec"]) for tool in config.items("tools")),
        choice=_choice(config.take("toolChoice", dict)),
        max_tokens=settings.take("maxTokens", int),
        temperature=settings.take("temperature", int, float),
        top_p=settings.take("topP", int, float),
        top_k=more.take("top_k", int),
        stop=tuple(settings.items("stopSequences")),
        thinking=Thinking(budget=thinking["budget_tokens"]) if thinking else None,
        format=_format(request.take("outputConfig", dict)),
    )
    for part in (config, settings, more, request):
        part.end()
    return read


def _tool(spec: dict[str, Any]) -> Tool:
    description, strict = spec.get("description", ""), spec.get("strict")
    return Tool(name=spec["name"], description=description, schema=spec["inputSchema"]["json"], strict=strict)


def _choice(choice: dict[str, Any] | None) -> Choice | None:
    if choice is None:
        return None
    [(kind, named)] = choice.items()
    return Choice(kind=kind, name=named.get("name", ""))


def _format(config: dict[str, Any] | None) -> Format | None:
    if config is None:
        return None
    schema = config["textFormat"]["structure"]["jsonSchema"]
    return Format(schema=json.loads(schema["schema"]), name=schema["name"], strict=True)


def _part(part: dict[str, Any]) -> Part:
    match part:
        case {"toolUse": use}:
            arguments = json.dumps(use["input"], separators=(",", ":"))
            return ToolUse(id=use["toolUseId"], name=use["name"], arguments=arguments)
        case {"toolResult": result}:
            parts = tuple(_part(inner) for inner in result["content"])
            failed = result.get("status") == "error"
            return ToolResult(id=result["toolUseId"], parts=parts, failed=failed)  # type: ignore[arg-type]
        case {"image": image}:
            return Image(media_type=f"image/{image['format']}", data=image["source"]["bytes"])
        case {"reasoningContent": {"reasoningText": told}}:
            return Thought(text=told["text"], signature=told["signature"])
        case _:
            return Text(text=part["text"])


def write_answer(answer: Answer) -> dict[str, Any]:
    """The answer of Converse."""
    message = {"role": "assistant", "content": [_written(part) for part in answer.parts]}
    return {"output": {"message": message}, "stopReason": REASONS[answer.stop]}


def _written(part: Part) -> dict[str, Any]:
    match part:
        case Thought():
            return {"reasoningContent": {"reasoningText": {"text": part.text}}}
        case ToolUse():
            use = {"toolUseId": part.id, "name": part.name, "input": json.loads(part.arguments)}
            return {"toolUse": use}
        case Text():
            return {"text": part.text}
        case _:
            raise AssertionError(part)


class BedrockStream:
    """Frames of ConverseStream; each tool use is a block, texts and reasoning are blocks of their own."""

    def __init__(self) -> None:
        self._tools: set[int] = set()

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes for these pieces."""
        return b"".join(self._write(piece) for piece in pieces)

    def _write(self, piece: Piece) -> bytes:
        match piece:
            case Start():
                return _event("messageStart", role="assistant")
            case TextPiece():
                return _delta(0, {"text": piece.text})
            case ThoughtPiece():
                return _delta(0, {"reasoningContent": {"text": piece.text}})
            case ToolStart():
                use = {"toolUse": {"toolUseId": piece.id, "name": piece.name}}
                self._tools.add(piece.number + 1)
                return _event("contentBlockStart", contentBlockIndex=piece.number + 1, start=use)
            case ToolPiece():
                return _delta(piece.number + 1, {"toolUse": {"input": piece.arguments}})
            case Finish(last=True):
                return _event("metadata", usage={}, metrics={})
            case Finish(stop=stop) if stop is not None:
                ends = (_event("contentBlockStop", contentBlockIndex=index) for index in sorted(self._tools))
                return b"".join(ends) + _event("messageStop", stopReason=REASONS[stop])
            case _:
                raise AssertionError(piece)


def _delta(index: int, delta: dict[str, Any]) -> bytes:
    return _event("contentBlockDelta", contentBlockIndex=index, delta=delta)


def _event(kind: str, **members: Any) -> bytes:
    return frame({":message-type": "event", ":event-type": kind}, json.dumps(members).encode())
