"""A responses request in the neutral words."""

from typing import Any

import msgspec

from app.gateway.neutral import (
    Choice,
    Format,
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
from app.gateway.neutral.pictures import picture
from app.gateway.neutral.signatures import kept_alone
from app.gateway.neutral.words import FREE_SCHEMA, Image, Role

_HINTS = (
    *("client_metadata", "include", "metadata", "prompt_cache_key", "prompt_cache_retention"),
    *("safety_identifier", "service_tier", "store", "stream_options", "user"),
)
_NEUTRAL = {"background": False, "truncation": "disabled", "top_logprobs": 0}
_CHOICES = {"auto": Choice(kind="auto"), "none": Choice(kind="none"), "required": Choice(kind="any")}
_EFFORTS = ("minimal", "low", "medium", "high")
_Turns = list[tuple[Role, list[Part]]]


def read_request(members: dict[str, Any]) -> Request:
    """The neutral request; InputError for what it cannot express or what is no responses request."""
    request = Reading(members, "")
    request.hint(*_HINTS)
    system = [Text(text=text)] if (text := request.text("instructions")) else []
    turns: _Turns = []
    given = request.take("input", str, list, default=[])
    hints: list[str] = []
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        _item(item, system, turns, hints)
    words = request.within("text")
    read = Request(
        model=request.text("model"),
        messages=tuple(Message(role=role, parts=tuple(parts)) for role, parts in turns),
        system=tuple(system),
        tools=tuple(tool for item in request.items("tools") for tool in _tools(item)),
        choice=_choice(request),
        parallel=request.take("parallel_tool_calls", bool),
        max_tokens=request.take("max_output_tokens", int),
        temperature=request.take("temperature", int, float),
        top_p=request.take("top_p", int, float),
        thinking=_thinking(request.within("reasoning"), hints),
        format=_format(words, hints),
        stream=request.take("stream", bool, default=False),
        hints=tuple(dict.fromkeys([*request.hints, *hints])),
    )
    request.end(neutral=_NEUTRAL)
    return read


def _thinking(given: Reading | None, hints: list[str]) -> Thinking | None:
    if given is None:
        return None
    given.hint("summary", "generate_summary")
    effort = given.text("effort")
    given.end()
    hints += given.hints
    if not effort:
        return None
    if effort == "none":
        return Thinking(off=True)
    if effort == "xhigh":
        effort = "high"
    if effort not in _EFFORTS:
        raise untranslatable(f"reasoning effort {effort[:40]!r}")
    return Thinking(effort=effort)


def _format(words: Reading | None, hints: list[str]) -> Format | None:
    if words is None:
        return None
    words.hint("verbosity")
    hints += words.hints
    given = words.within("format")
    words.end()
    kind = given.text("type") if given else "text"
    if given is None or kind == "text":
        return None
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        raise untranslatable(f"output format {kind[:40]!r}")
    given.hint("description")
    schema = given.take("schema", dict, default={})
    wanted = Format(schema=schema, name=given.text("name") or "answer", strict=given.take("strict", bool))
    given.end()
    return wanted


def _tools(item: Any) -> list[Tool]:
    """One tool, or those of a name-space: elsewhere their names are joined with its name."""
    given = Reading(item, "tools[]")
    if not (isinstance(item, dict) and item.get("type") == "namespace"):
        return [_tool(given)]
    given.text("type")
    space = given.text("name")
    given.hint("description")
    inner = [_tool(Reading(one, "tools[].tools[]")) for one in given.items("tools")]
    given.end()
    return [msgspec.structs.replace(tool, name=joined(space, tool.name), space=space) for tool in inner]


def _tool(given: Reading) -> Tool:
    kind, name, description = given.text("type"), given.text("name"), given.text("description")
    if kind == "custom":
        given.hint("format")
        tool = Tool(name=name, description=description, schema=FREE_SCHEMA, free=True)
    elif kind == "function":
        schema = given.take("parameters", dict, default={"type": "object", "properties": {}})
        strict = given.take("strict", bool)
        tool = Tool(name=name, description=description, schema=schema, strict=strict)
    else:
        raise untranslatable(f"tools of the type {kind[:40]!r}")
    given.end()
    return tool


def _choice(request: Reading) -> Choice | None:
    choice = request.take("tool_choice", str, dict)
    if isinstance(choice, dict):
        given = Reading(choice, "tool_choice")
        kind = given.text("type")
        if kind not in ("function", "custom"):
            raise untranslatable(f"tool choice {kind[:40]!r}")
        named = Choice(kind="tool", name=given.text("name"))
        given.end()
        return named
    if choice is None:
        return None
    if choice not in _CHOICES:
        raise untranslatable(f"tool choice {choice[:40]!r}")
    return _CHOICES[choice]


def joined(space: str, name: str) -> str:
    """The name of a tool where there are no name-spaces."""
    return f"{space}__{name}" if space else name


def _item(item: Any, system: list[Text], turns: _Turns, hints: list[str]) -> None:
    given = Reading(item, "input[]")
    given.hint("id", "status", "phase")
    match given.text("type") or "message":
        case "message":
            _message(given, system, turns)
        case "function_call":
            name = joined(given.text("namespace"), given.text("name"))
            use = ToolUse(id=given.text("call_id"), name=name, arguments=given.text("arguments"))
            _turn(turns, "assistant", [use])
        case "custom_tool_call":
            arguments = msgspec.json.encode({"input": given.text("input")}).decode()
            use = ToolUse(id=given.text("call_id"), name=given.text("name"), arguments=arguments)
            _turn(turns, "assistant", [use])
        case "function_call_output" | "custom_tool_call_output":
            parts = _parts(given.take("output", str, list))
            given.hint("name")
            _turn(turns, "user", [ToolResult(id=given.text("call_id"), parts=tuple(parts))])
        case "reasoning":
            given.hint("summary", "content")
            kept = kept_alone(given.text("encrypted_content"))
            _turn(turns, "assistant", [Thought(text="", signature=kept)])
        case kind:
            raise untranslatable(f"input of the type {kind[:40]!r}")
    given.end()


def _message(given: Reading, system: list[Text], turns: _Turns) -> None:
    role = given.text("role")
    parts = _parts(given.take("content", str, list))
    if role in ("system", "developer"):
        if turns or not all(isinstance(part, Text) for part in parts):
            _turn(turns, "system", list(parts))
        else:
            system += [part for part in parts if isinstance(part, Text)]
    elif role in ("user", "assistant"):
        _turn(turns, role, list(parts))
    else:
        raise untranslatable(f"message of the role {role[:40]!r}")


def _turn(turns: _Turns, role: Role, parts: list[Part]) -> None:
    """Turns alternate in other dialects: what follows of the same role joins the one before."""
    if turns and turns[-1][0] == role:
        turns[-1][1].extend(parts)
    elif parts:
        turns.append((role, parts))


def _parts(content: Any) -> list[Text | Image]:
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    parts: list[Text | Image] = []
    for item in content or ():
        given = Reading(item, "input[].content[]")
        kind = given.text("type")
        if kind in ("input_text", "output_text", "text"):
            given.hint("annotations", "logprobs")
            parts.append(Text(text=given.text("text")))
        elif kind == "refusal":
            parts.append(Text(text=given.text("refusal")))
        elif kind == "input_image":
            if given.text("detail") not in ("", "auto"):
                raise untranslatable("image detail")
            parts.append(picture(given.text("image_url")))
        else:
            raise untranslatable(f"content of the type {kind[:40]!r}")
        given.end()
    return parts
