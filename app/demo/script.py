"""What the simulated provider answers, as data: text, tool uses, pace and faults."""

import hashlib
import json
import re
from typing import Any, Literal

import msgspec

Fault = Literal[
    "", "reset", "hang", "half_event", "end_early", "wrong_type", "long_line", "garbage", "error_event"
]
_USE = re.compile(r"use ([A-Za-z0-9_-]{1,64}) (\{.{0,2000}\})", re.DOTALL)


class ToolUse(msgspec.Struct, frozen=True):
    """A tool that the model asks its client to use; `arguments` is JSON text, sent as it is."""

    name: str
    arguments: str = "{}"


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One model's behaviour.

    `text` empty: it answers with the question. `delay` and `pace` are seconds before the first and between
    the next pieces. `status` other than 200 is the provider's own error. `fault` happens in mid-answer.
    """

    text: str = ""
    tools: tuple[ToolUse, ...] = ()
    usage: bool = True
    delay: float = 0.0
    pace: float = 0.0
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    fault: Fault = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says to one request; the same request gives the same answer."""

    id: str
    model: str
    pieces: tuple[str, ...]
    tools: tuple[ToolUse, ...]
    input_tokens: int
    output_tokens: int
    usage: bool = True
    thoughts: bool = False
    """Whether its reasoning was asked for, by the formats whose simulation shows some."""

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


def answer(request: dict[str, Any], script: Script) -> Answer:
    """Play the script for a request of either dialect."""
    question = last_user_text(request)
    text = script.text
    tools = script.tools
    used = _USE.search(question) if not tools and request.get("tools") else None
    if used is not None:
        tools = (ToolUse(used[1], used[2]),)
    if not text and not tools:
        text = f"You said: {question}" if question else "Hello from the simulated provider."
    limit = request.get("max_tokens") or request.get("max_output_tokens")
    pieces = tuple(re.findall(r"\S+\s*|\s+", text))[: limit if isinstance(limit, int) else None]
    raw = json.dumps(request, sort_keys=True).encode()
    spoken = len("".join(pieces)) + sum(len(tool.name) + len(tool.arguments) for tool in tools)
    return Answer(
        id=hashlib.sha256(raw).hexdigest()[:24],
        model=str(request.get("model", "")),
        pieces=pieces,
        tools=tools,
        input_tokens=len(raw) // 4 + 1,
        output_tokens=spoken // 4 + 1,
        usage=script.usage,
        thoughts=bool(request.get("thoughts")),
    )


def last_user_text(request: dict[str, Any]) -> str:
    """The text of the last message that a person wrote; empty when what a tool gave came after it."""
    given = request.get("messages") or request.get("input") or request.get("prompt") or []
    if isinstance(given, str):
        return given
    for message in reversed(given):
        if not isinstance(message, dict):
            return str(message)
        if message.get("role") == "tool" or str(message.get("type")).endswith("_output"):
            return ""
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        return " ".join(
            part.get("text", "") for part in content or [] if part.get("type") in ("text", "input_text")
        )
    return ""
