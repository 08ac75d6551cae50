"""An Anthropic messages request in the neutral words."""

from typing import Any

from app.core.canonical import canonical
from app.core.errors import InputError
from app.gateway.neutral import (
    Choice,
    Format,
    Image,
    Message,
    Part,
    Reading,
    Request,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolResult,
    ToolUse,
    untranslatable,
)
from app.gateway.neutral.words import Effort

_HINTS = ("metadata", "service_tier", "context_management", "inference_geo", "diagnostics")
_EFFORTS: dict[str, Effort] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "max": "high",
    "xhigh": "high",
}


def read_request(members: dict[str, Any]) -> Request:
    """The neutral request; InputError for what it cannot express or what is no messages request."""
    request = Reading(members, "")
    request.hint(*_HINTS, "cache_control")
    hints: list[str] = []
    config = request.within("output_config")
    effort = config.text("effort") if config else ""
    wanted = _format(config.within("format") if config else request.within("output_format"))
    if config:
        config.end()
    choice, parallel = _choice(request.within("tool_choice"))
    read = Request(
        model=request.text("model"),
        messages=tuple(_message(message, hints) for message in request.items("messages")),
        system=_texts(request.take("system", str, list), "system[]", hints),
        tools=tuple(_tool(tool, hints) for tool in request.items("tools")),
        choice=choice,
        parallel=parallel,
        max_tokens=request.take("max_tokens", int),
        temperature=request.take("temperature", int, float),
        top_p=request.take("top_p", int, float),
        top_k=request.take("top_k", int),
        stop=tuple(str(stop) for stop in request.items("stop_sequences")),
        thinking=_thinking(request.within("thinking"), effort),
        format=wanted,
        stream=request.take("stream", bool, default=False),
        hints=tuple(dict.fromkeys([*request.hints, *hints])),
    )
    request.end()
    return read


def _format(given: Reading | None) -> Format | None:
    if given is None:
        return None
    if given.text("type") != "json_schema":
        raise untranslatable("output format other than a JSON schema")
    wanted = Format(schema=given.take("schema", dict, default={}), strict=True)
    given.end()
    return wanted


def _thinking(given: Reading | None, effort: str) -> Thinking | None:
    if effort and effort not in _EFFORTS:
        raise untranslatable(f"effort {effort[:40]!r}")
    level = _EFFORTS.get(effort)
    if given is None:
        return Thinking(effort=level) if level else None
    kind = given.text("type")
    budget = given.take("budget_tokens", int)
    given.hint("display")
    given.end()
    if kind == "disabled":
        return Thinking(off=True)
    if kind not in ("enabled", "adaptive"):
        raise untranslatable(f"thinking of the type {kind[:40]!r}")
    return Thinking(effort=level or (None if budget else "high"), budget=None if level else budget)


def _choice(given: Reading | None) -> tuple[Choice | None, bool | None]:
    if given is None:
        return None, None
    kind, name = given.text("type"), given.text("name")
    single = given.take("disable_parallel_tool_use", bool)
    given.end()
    if kind not in ("auto", "any", "none", "tool"):
        raise untranslatable(f"tool choice {kind[:40]!r}")
    return Choice(kind=kind, name=name), None if single is None else not single


def _tool(item: Any, hints: list[str]) -> Tool:
    given = Reading(item, "tools[]")
    if given.text("type") not in ("", "custom"):
        raise untranslatable("tools that the provider runs or defines itself")
    given.hint("cache_control", "eager_input_streaming", "input_examples")
    if given.take("defer_loading", bool):
        raise untranslatable("tools that are loaded later")
    tool = Tool(
        name=given.text("name"),
        description=given.text("description"),
        schema=given.take("input_schema", dict, default={"type": "object"}),
        strict=given.take("strict", bool),
    )
    given.end()
    hints += given.hints
    return tool


def _message(item: Any, hints: list[str]) -> Message:
    message = Reading(item, "messages[]")
    role = message.text("role")
    if role not in ("user", "assistant"):
        raise untranslatable(f"message of the role {role[:40]!r}")
    content = message.take("content", str, list)
    message.end()
    if isinstance(content, str):
        return Message(role=role, parts=(Text(text=content),) if content else ())
    return Message(role=role, parts=tuple(_part(part, hints) for part in content or ()))


def _part(item: Any, hints: list[str]) -> Part:
    given = Reading(item, "messages[].content[]")
    given.hint("cache_control", "citations", "caller")
    part = _known(given, given.text("type"), hints)
    given.end()
    hints += given.hints
    return part


def _known(given: Reading, kind: str, hints: list[str]) -> Part:
    match kind:
        case "text":
            return Text(text=given.text("text"))
        case "image":
            return _image(given.within("source"))
        case "tool_use":
            arguments = canonical(given.take("input", dict, default={})).decode()
            return ToolUse(id=given.text("id"), name=given.text("name"), arguments=arguments)
        case "tool_result":
            content = given.take("content", str, list)
            parts = [_part(part, hints) for part in content] if isinstance(content, list) else []
            if isinstance(content, str):
                parts = [Text(text=content)]
            if not all(isinstance(part, Text | Image) for part in parts):
                raise untranslatable("such content in the result of a tool")
            failed = given.take("is_error", bool, default=False)
            return ToolResult(id=given.text("tool_use_id"), parts=tuple(parts), failed=failed)  # type: ignore[arg-type]
        case "thinking":
            return Thought(text=given.text("thinking"), signature=given.text("signature"))
        case "redacted_thinking":
            given.hint("data")
            return Thought(text="")
        case _:
            raise untranslatable(f"content of the type {kind[:40]!r}")


def _image(source: Reading | None) -> Image:
    if source is None:
        raise InputError("`messages[].content[].source` must be an object.", code="invalid_shape")
    kind = source.text("type")
    if kind == "base64":
        image = Image(media_type=source.text("media_type"), data=source.text("data"))
    elif kind == "url":
        image = Image(url=source.text("url"))
    else:
        raise untranslatable("pictures by file")
    source.end()
    return image


def _texts(content: Any, where: str, hints: list[str]) -> tuple[Text, ...]:
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    texts: list[Text] = []
    for item in content or ():
        given = Reading(item, where)
        given.hint("cache_control", "citations")
        if given.text("type") != "text":
            raise untranslatable(f"other content than text in `{where}`")
        texts.append(Text(text=given.text("text")))
        given.end()
        hints += given.hints
    return tuple(texts)
