"""The neutral words as an Anthropic messages request."""

from typing import Any

from app.gateway.neutral import (
    Choice,
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
from app.gateway.neutral.arguments import arguments_of
from app.gateway.neutral.effort import claude_budget
from app.gateway.neutral.signatures import of_anthropic, signed

MAX_TOKENS = 8192
"""What is asked for when the client set no limit: this format demands one."""
ORDERS = (("anthropic-beta", "mid-conversation-system-2026-04-07"),)
"""What a request with system messages after the first turn must say."""


def write_request(request: Request) -> Written:
    """The members of the request; InputError for what this format cannot express."""
    if request.seed is not None:
        raise untranslatable("`seed`")
    if request.temperature is not None and request.temperature > 1:
        raise untranslatable("`temperature` above 1")
    most = request.max_tokens or MAX_TOKENS
    kept, hints = signed(request.messages, of_anthropic)
    messages = [_message(message) for message in kept]
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
    budget = claude_budget(request, most)
    if budget:
        written["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if request.stream:
        written["stream"] = True
    if request.thinking is not None and not request.thinking.off and not budget:
        hints.append("reasoning_effort")
    orders = any(message.role == "system" for message in kept)
    return Written(members=written, hints=tuple(hints), headers=ORDERS if orders else ())


def _format(schema: dict[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        raise untranslatable("JSON output without a schema")
    return {"type": "json_schema", "schema": schema}


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
