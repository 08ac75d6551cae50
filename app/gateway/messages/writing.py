"""The neutral words as an Anthropic messages request."""

from typing import Any

import msgspec

from app.core import jsonsafe
from app.core.errors import InputError
from app.gateway.neutral import (
    Choice,
    Image,
    Message,
    Part,
    Request,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolResult,
    ToolUse,
    Written,
    untranslatable,
)

MAX_TOKENS = 8192
"""What is asked for when the client set no limit: this format demands one."""
SHORTEST_THINKING = 1024
BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576}


def write_request(request: Request) -> Written:
    """The members of the request; InputError for what this format cannot express."""
    if request.seed is not None:
        raise untranslatable("`seed`")
    if request.temperature is not None and request.temperature > 1:
        raise untranslatable("`temperature` above 1")
    most = request.max_tokens or MAX_TOKENS
    messages = [_message(message) for message in request.messages]
    written: dict[str, Any] = {"model": request.model, "max_tokens": most, "messages": messages}
    if request.system:
        written["system"] = [{"type": "text", "text": text.text} for text in request.system]
    if request.tools:
        written["tools"] = [_tool(tool) for tool in request.tools]
        choice = _choice(request.choice, request.parallel)
        if choice:
            written["tool_choice"] = choice
    optional = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "stop_sequences": list(request.stop) or None,
    }
    written |= {name: value for name, value in optional.items() if value is not None}
    if request.format is not None:
        written["output_config"] = {"format": _format(request.format.schema)}
    thinking = _thinking(request, most)
    if thinking:
        written["thinking"] = thinking
    if request.stream:
        written["stream"] = True
    lost = request.thinking is not None and not request.thinking.off and not thinking
    return Written(members=written, hints=("reasoning_effort",) if lost else ())


def _format(schema: dict[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        raise untranslatable("JSON output without a schema")
    return {"type": "json_schema", "schema": schema}


def _thinking(request: Request, most: int) -> dict[str, Any] | None:
    """None where this format would refuse it: after tool uses whose reasoning the client's format did not keep."""
    wanted = request.thinking
    if wanted is None or wanted.off:
        return None
    said = [message for message in request.messages if message.role == "assistant"]
    last = said[-1].parts if said else ()
    forgotten = any(isinstance(part, ToolUse) for part in last) and not any(
        isinstance(part, Thought) and part.signature for part in last
    )
    budget = min(_budget(wanted), most - 1)
    if forgotten or budget < SHORTEST_THINKING:
        return None
    if request.temperature not in (None, 1):
        raise untranslatable("`temperature` together with reasoning")
    return {"type": "enabled", "budget_tokens": budget}


def _budget(wanted: Thinking) -> int:
    return wanted.budget or BUDGETS[wanted.effort or "high"]


def _message(message: Message) -> dict[str, Any]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    return {"role": message.role, "content": [_part(part) for part in (*results, *rest)]}


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image(url=""):
            source = {"type": "base64", "media_type": part.media_type, "data": part.data}
            return {"type": "image", "source": source}
        case Image():
            return {"type": "image", "source": {"type": "url", "url": part.url}}
        case ToolUse():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_of(part)}
        case ToolResult():
            content = [_part(inner) for inner in part.parts]
            result: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.id, "content": content}
            return result | ({"is_error": True} if part.failed else {})
        case Thought():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def arguments_of(use: ToolUse) -> msgspec.Raw:
    """The arguments as JSON; InputError when they are no object that everybody reads alike."""
    if not use.arguments.strip():
        return msgspec.Raw(b"{}")
    raw = use.arguments.encode()
    try:
        jsonsafe.decode_object(raw)
    except InputError as error:
        raise InputError(
            f"The arguments of a call of the tool {use.name[:128]!r} cannot be read: {error}",
            code="invalid_shape",
        ) from None
    return msgspec.Raw(raw)


def _tool(tool: Tool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name, "input_schema": tool.schema}
    if tool.description:
        written["description"] = tool.description
    if tool.strict is not None:
        written["strict"] = tool.strict
    return written


def _choice(choice: Choice | None, parallel: bool | None) -> dict[str, Any] | None:
    if choice is None and parallel is None:
        return None
    kind = choice.kind if choice else "auto"
    written: dict[str, Any] = {"type": kind}
    if kind == "tool" and choice:
        written["name"] = choice.name
    if parallel is False and kind != "none":
        written["disable_parallel_tool_use"] = True
    return written
