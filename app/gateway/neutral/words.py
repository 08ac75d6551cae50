"""A request and its answer, in the words that all dialects share."""

from typing import Any, Literal

import msgspec

from app.core.usage import Usage

Role = Literal["user", "assistant"]
Stop = Literal["end", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause"]
Effort = Literal["minimal", "low", "medium", "high"]


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Plain text."""

    text: str


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, as base64 with its media type, or by its address; one of the two."""

    media_type: str = ""
    data: str = ""
    url: str = ""


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the model asks its client to make; `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a tool use."""

    id: str
    parts: tuple[Text | Image, ...]
    failed: bool = False


class Thought(msgspec.Struct, frozen=True, kw_only=True):
    """Reasoning that the provider shows; `signature` lets that provider, and no other, take it back."""

    text: str
    signature: str = ""


Part = Text | Image | ToolUse | ToolResult | Thought


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn. Results of tools stand in a turn of the user."""

    role: Role
    parts: tuple[Part, ...]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of the client, with the JSON Schema of its arguments."""

    name: str
    description: str = ""
    schema: dict[str, Any]
    strict: bool | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether tools may, must or must not be used; `name` when it is to be this one."""

    kind: Literal["auto", "any", "none", "tool"]
    name: str = ""


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """Reasoning that is wanted: as an effort, or as a budget of tokens; `off` when it is not."""

    effort: Effort | None = None
    budget: int | None = None
    off: bool = False


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """Structured output: any JSON object, or one of this schema."""

    schema: dict[str, Any] | None = None
    name: str = "answer"
    strict: bool | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request to generate. `hints` are members that change no answer and that other dialects do not know."""

    model: str
    messages: tuple[Message, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None
    parallel: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: Thinking | None = None
    format: Format | None = None
    stream: bool = False
    usage_wanted: bool = True
    """Whether a stream is to end with its usage."""
    hints: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer; `usage` is None when the provider did not say."""

    id: str
    model: str
    parts: tuple[Text | Thought | ToolUse, ...]
    stop: Stop = "end"
    sequence: str | None = None
    usage: Usage | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A request in a dialect's members, and the hints that could not be carried."""

    members: dict[str, Any]
    hints: tuple[str, ...] = ()
