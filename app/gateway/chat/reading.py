"""A chat completion request in the neutral words."""

import re
from typing import Any

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
    Tool,
    ToolResult,
    ToolUse,
    untranslatable,
)
from app.gateway.neutral.words import Role

_DATA = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)
_HINTS = (
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "prompt_cache_retention",
    "user",
)
_NEUTRAL = {
    "frequency_penalty": 0,
    "logprobs": False,
    "logit_bias": {},
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
}
_CHOICES = {"auto": Choice(kind="auto"), "none": Choice(kind="none"), "required": Choice(kind="any")}
_EFFORTS = ("minimal", "low", "medium", "high")


def read_request(members: dict[str, Any]) -> Request:
    """The neutral request; InputError for what it cannot express or what is no chat request."""
    request = Reading(members, "")
    system, messages = _messages(request.items("messages"))
    stream = request.take("stream", bool, default=False)
    options = request.within("stream_options")
    wanted = bool(options and options.take("include_usage", bool, default=False))
    if options:
        options.hint("include_obfuscation")
        options.end()
    request.hint(*_HINTS)
    read = Request(
        model=request.text("model"),
        messages=messages,
        system=system,
        tools=tuple(_tool(tool) for tool in request.items("tools")),
        choice=_choice(request),
        parallel=request.take("parallel_tool_calls", bool),
        max_tokens=_first(request, "max_completion_tokens", "max_tokens"),
        temperature=request.take("temperature", int, float),
        top_p=request.take("top_p", int, float),
        top_k=request.take("top_k", int),
        stop=_stops(request),
        seed=request.take("seed", int),
        thinking=_thinking(request.text("reasoning_effort")),
        format=_format(request.within("response_format")),
        stream=stream,
        usage_wanted=wanted or not stream,
        hints=tuple(request.hints),
    )
    request.end(neutral=_NEUTRAL)
    return read


def _first(request: Reading, *names: str) -> int | None:
    values = [request.take(name, int) for name in names]
    return next((value for value in values if value is not None), None)


def _stops(request: Reading) -> tuple[str, ...]:
    stop = request.take("stop", str, list, default=[])
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    if not all(isinstance(item, str) for item in stops):
        raise InputError("`stop` must be strings.", code="invalid_shape")
    return stops


def _thinking(effort: str) -> Thinking | None:
    if not effort:
        return None
    if effort == "none":
        return Thinking(off=True)
    if effort not in _EFFORTS:
        raise untranslatable(f"reasoning effort {effort[:40]!r}")
    return Thinking(effort=effort)


def _format(response: Reading | None) -> Format | None:
    if response is None:
        return None
    kind = response.text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format()
    inner = response.within("json_schema")
    if kind != "json_schema" or inner is None:
        raise untranslatable(f"response format {kind[:40]!r}")
    schema = inner.take("schema", dict)
    inner.hint("description")
    read = Format(schema=schema, name=inner.text("name") or "answer", strict=inner.take("strict", bool))
    inner.end()
    return read


def _tool(given: Any) -> Tool:
    outer = Reading(given, "tools[]")
    inner = outer.within("function")
    if outer.text("type") != "function" or inner is None:
        raise untranslatable("tools other than functions")
    schema = inner.take("parameters", dict, default={"type": "object", "properties": {}})
    tool = Tool(
        name=inner.text("name"),
        description=inner.text("description"),
        schema=schema,
        strict=inner.take("strict", bool),
    )
    inner.end()
    outer.end()
    return tool


def _choice(request: Reading) -> Choice | None:
    choice = request.take("tool_choice", str, dict)
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise untranslatable(f"tool choice {choice[:40]!r}")
        return _CHOICES[choice]
    given = Reading(choice, "tool_choice")
    named = given.within("function")
    if given.text("type") != "function" or named is None:
        raise untranslatable("tool choices other than one function")
    return Choice(kind="tool", name=named.text("name"))


def _messages(given: list[Any]) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    system: list[Text] = []
    turns: list[tuple[Role, list[Part]]] = []
    for item in given:
        message = Reading(item, "messages[]")
        role = message.text("role")
        if role in ("system", "developer"):
            if turns:
                raise untranslatable("system message after the first turn")
            system += _texts(message.take("content", str, list))
            message.hint("name")
        elif role == "user":
            _turn(turns, "user", _parts(message.take("content", str, list)))
            message.hint("name")
        elif role == "assistant":
            _turn(turns, "assistant", _said(message))
        elif role == "tool":
            result = ToolResult(
                id=message.text("tool_call_id"), parts=_texts(message.take("content", str, list))
            )
            _turn(turns, "user", [result])
            message.hint("name")
        else:
            raise untranslatable(f"message of the role {role[:40]!r}")
        message.end()
    return tuple(system), tuple(Message(role=role, parts=tuple(parts)) for role, parts in turns)


def _turn(turns: list[tuple[Role, list[Part]]], role: Role, parts: list[Part]) -> None:
    """Turns alternate in other dialects: what follows of the same role joins the one before."""
    if turns and turns[-1][0] == role:
        turns[-1][1].extend(parts)
    elif parts:
        turns.append((role, parts))


def _said(message: Reading) -> list[Part]:
    parts: list[Part] = list(_texts(message.take("content", str, list)))
    refusal = message.text("refusal")
    if refusal:
        parts.append(Text(text=refusal))
    message.hint("name", "reasoning_content", "reasoning", "annotations")
    for call in message.items("tool_calls"):
        given = Reading(call, "messages[].tool_calls[]")
        function = given.within("function")
        if given.text("type") not in ("function", "") or function is None:
            raise untranslatable("tool calls other than of functions")
        parts.append(
            ToolUse(id=given.text("id"), name=function.text("name"), arguments=function.text("arguments"))
        )
    return parts


def _texts(content: Any) -> tuple[Text, ...]:
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    texts: list[Text] = []
    for item in content or []:
        part = Reading(item, "messages[].content[]")
        kind = part.text("type")
        if kind not in ("text", "refusal"):
            raise untranslatable(f"content of the type {kind[:40]!r} here")
        texts.append(Text(text=part.text(kind)))
        part.end()
    return tuple(texts)


def _parts(content: Any) -> list[Part]:
    if not isinstance(content, list):
        return list(_texts(content))
    parts: list[Part] = []
    for item in content:
        part = Reading(item, "messages[].content[]")
        if part.text("type") != "image_url":
            parts += _texts([item])
            continue
        image = part.within("image_url")
        if image is None:
            raise InputError("`messages[].content[].image_url` must be an object.", code="invalid_shape")
        if image.text("detail") not in ("", "auto"):
            raise untranslatable("image detail")
        parts.append(_image(image.text("url")))
    return parts


def _image(url: str) -> Image:
    data = _DATA.fullmatch(url)
    if data:
        return Image(media_type=data[1], data=data[2])
    if not url.startswith("https://"):
        raise untranslatable("image that is neither base64 nor an https address")
    return Image(url=url)
