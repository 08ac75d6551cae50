"""A whole Anthropic message, to and from the neutral words."""

from typing import Any

from app.core.canonical import canonical
from app.core.usage import Usage
from app.gateway.neutral import Answer, Text, Thought, ToolUse
from app.gateway.neutral.arguments import arguments_of
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.words import Stop

STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_use",
    "refusal": "refusal",
    "pause_turn": "pause",
}
REASONS: dict[Stop, str] = {
    "end": "end_turn",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_use",
    "refusal": "refusal",
    "pause": "pause_turn",
}


def read_answer(body: dict[str, Any], usage: Usage | None) -> Answer:
    """The answer of a provider; UpstreamError when it is none."""
    with understanding():
        parts = [part for block in body["content"] if (part := _part(block)) is not None]
        return Answer(
            id=str(body.get("id", "")),
            model=str(body.get("model", "")),
            parts=tuple(parts),
            stop=STOPS.get(str(body.get("stop_reason")), "end"),
            sequence=body.get("stop_sequence"),
            usage=usage,
        )


def _part(block: dict[str, Any]) -> Text | Thought | ToolUse | None:
    match block["type"]:
        case "text":
            return Text(text=str(block["text"]))
        case "thinking":
            return Thought(text=str(block["thinking"]), signature=str(block.get("signature", "")))
        case "redacted_thinking":
            return None
        case "tool_use":
            arguments = canonical(block["input"]).decode()
            return ToolUse(id=str(block["id"]), name=str(block["name"]), arguments=arguments)
        case kind:
            raise TypeError(f"content of the type {str(kind)[:40]!r}")


def write_answer(answer: Answer) -> dict[str, Any]:
    """A `message`."""
    content: list[dict[str, Any]] = []
    for part in answer.parts:
        match part:
            case Text():
                content.append({"type": "text", "text": part.text})
            case Thought():
                content.append({"type": "thinking", "thinking": part.text, "signature": part.signature})
            case ToolUse():
                use = {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_of(part)}
                content.append(use)
    ending = {"stop_reason": REASONS[answer.stop], "stop_sequence": answer.sequence}
    usage = write_usage(answer.usage or Usage())
    return head(answer.id, answer.model) | {"content": content, **ending, "usage": usage}


def head(identity: str, model: str) -> dict[str, Any]:
    """What a message begins with."""
    return {"id": identity, "type": "message", "role": "assistant", "model": model}


def write_usage(usage: Usage) -> dict[str, int]:
    """Cached input stands beside the rest here."""
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
