"""A whole answer of Converse in the neutral words."""

from typing import Any

from app.core.canonical import canonical
from app.core.errors import UpstreamError
from app.core.usage import Usage
from app.gateway.neutral import Answer, Text, Thought, ToolUse
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.words import Stop

STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "refusal",
    "content_filtered": "refusal",
}
"""Reasons to stop; all others, and those to come, are failures of the model."""


def read_answer(body: dict[str, Any], usage: Usage | None) -> Answer:
    """The answer of a provider; UpstreamError when it is none."""
    with understanding():
        parts = [part for block in body["output"]["message"]["content"] if (part := _part(block)) is not None]
        reason = str(body["stopReason"])
        if reason not in STOPS:
            raise UpstreamError(no_answer(reason), kind="protocol")
        return Answer(id="", model="", parts=tuple(parts), stop=STOPS[reason], usage=usage)


def no_answer(reason: str) -> str:
    """What is said when the model stopped for a reason that leaves no answer."""
    return f"The model gave no answer ({reason[:64]})."


def _part(block: dict[str, Any]) -> Text | Thought | ToolUse | None:
    match block:
        case {"text": text}:
            return Text(text=str(text))
        case {"toolUse": use}:
            arguments = canonical(use["input"]).decode()
            return ToolUse(id=str(use["toolUseId"]), name=str(use["name"]), arguments=arguments)
        case {"reasoningContent": {"reasoningText": told}}:
            return Thought(text=str(told["text"]), signature=str(told.get("signature", "")))
        case {"reasoningContent": {"redactedContent": _}}:
            return None
        case _:
            raise TypeError(f"content of the kinds {sorted(block)[:3]}")
