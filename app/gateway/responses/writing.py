"""The neutral words as a responses request."""

from typing import Any

import msgspec

from app.gateway.neutral import (
    Choice,
    Format,
    Image,
    Message,
    Part,
    Request,
    Text,
    Thought,
    Tool,
    ToolResult,
    ToolUse,
    Written,
    untranslatable,
)
from app.gateway.neutral.effort import effort_of
from app.gateway.neutral.pictures import address

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def write_request(request: Request) -> Written:
    """The members of the request, which the provider is asked not to store; InputError for what cannot be said."""
    for wanted, feature in (
        (request.top_k, "`top_k`"),
        (request.seed, "`seed`"),
        (request.stop, "stop sequences"),
    ):
        if wanted not in (None, ()):
            raise untranslatable(feature)
    free = frozenset(tool.name for tool in request.tools if tool.free)
    items = [item for message in request.messages for item in _items(message, free)]
    written: dict[str, Any] = {"model": request.model, "input": items, "store": False}
    if request.system:
        written["instructions"] = "\n\n".join(text.text for text in request.system)
    if request.tools:
        written["tools"] = [_tool(tool) for tool in request.tools]
        if request.choice is not None:
            written["tool_choice"] = _choice(request.choice, free)
        if request.parallel is not None:
            written["parallel_tool_calls"] = request.parallel
    effort = effort_of(request.thinking)
    optional = {
        "max_output_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "reasoning": {"effort": effort} if effort else None,
        "text": {"format": _format(request.format)} if request.format else None,
        "stream": True if request.stream else None,
    }
    written |= {name: value for name, value in optional.items() if value is not None}
    thoughts = any(isinstance(part, Thought) for message in request.messages for part in message.parts)
    return Written(members=written, hints=("reasoning of earlier turns",) if thoughts else ())


def _items(message: Message, free: frozenset[str]) -> list[dict[str, Any]]:
    """Results of tools come first, as the calls that they answer came before."""
    results = [_result(part, free) for part in message.parts if isinstance(part, ToolResult)]
    said = [part for part in message.parts if isinstance(part, Text | Image)]
    uses = [_use(part, free) for part in message.parts if isinstance(part, ToolUse)]
    items = results
    if said:
        content = [_content(part, message.role) for part in said]
        items = [*items, {"type": "message", "role": message.role, "content": content}]
    return [*items, *uses]


def _content(part: Part, role: str) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    if isinstance(part, Image) and role == "user":
        return {"type": "input_image", "image_url": address(part)}
    raise untranslatable("picture in an answer")


def _use(use: ToolUse, free: frozenset[str]) -> dict[str, Any]:
    if use.name in free:
        given = msgspec.json.decode(use.arguments or "{}", type=dict[str, Any])
        return {
            "type": "custom_tool_call",
            "call_id": use.id,
            "name": use.name,
            "input": str(given.get("input", "")),
        }
    return {"type": "function_call", "call_id": use.id, "name": use.name, "arguments": use.arguments or "{}"}


def _result(result: ToolResult, free: frozenset[str]) -> dict[str, Any]:
    """That the tool failed is said in words, because there is no member for it."""
    content = [_content(part, "user") for part in result.parts]
    if result.failed:
        content = [{"type": "input_text", "text": "The tool failed:"}, *content]
    if len(content) == 1 and content[0]["type"] == "input_text":
        return {"type": "function_call_output", "call_id": result.id, "output": content[0]["text"]}
    return {"type": "function_call_output", "call_id": result.id, "output": content}


def _tool(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    if tool.free:
        return {"type": "custom", "name": tool.name, **described}
    strict = tool.strict if tool.strict is not None else False
    return {"type": "function", "name": tool.name, **described, "parameters": tool.schema, "strict": strict}


def _choice(choice: Choice, free: frozenset[str]) -> str | dict[str, Any]:
    if choice.kind == "tool":
        return {"type": "custom" if choice.name in free else "function", "name": choice.name}
    return _CHOICES[choice.kind]


def _format(wanted: Format) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    strict = {} if wanted.strict is None else {"strict": wanted.strict}
    return {"type": "json_schema", "name": wanted.name, "schema": wanted.schema, **strict}
