"""Turns as formats want them that take no two of one role in a row."""

from collections.abc import Iterable

import msgspec

from app.gateway.neutral.words import Message, Text, ToolResult

ONE_TOOL = "Use at most one tool at a time, and wait for its result."
"""What a model is told in words, where its format cannot say it."""


def joined(messages: Iterable[Message]) -> list[Message]:
    """Turns that alternate, results of tools first in theirs, without texts that say nothing."""
    turns: list[Message] = []
    for message in messages:
        parts = [part for part in message.parts if not isinstance(part, Text) or part.text.strip()]
        if not parts:
            continue
        if turns and turns[-1].role == message.role:
            parts = [*turns.pop().parts, *parts]
        parts.sort(key=lambda part: not isinstance(part, ToolResult))
        turns.append(msgspec.structs.replace(message, parts=tuple(parts)))
    return turns
