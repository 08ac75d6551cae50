"""The neutral words as a chat completion request."""

from typing import Any

from app.gateway.neutral import (
    Choice,
    Format,
    Image,
    Message,
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

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
STOPS_LIMIT = 4
LOW, MEDIUM = 4096, 16384
"""Budgets of reasoning tokens up to which an effort is called low or medium."""


def write_request(request: Request) -> Written:
    """The members of the request; InputError for what this format cannot express."""
    if request.top_k is not None:
        raise untranslatable("`top_k`")
    if len(request.stop) > STOPS_LIMIT:
        raise untranslatable(f"more than {STOPS_LIMIT} stop sequences")
    messages: list[dict[str, Any]] = []
    if request.system:
        messages.append({"role": "system", "content": "\n\n".join(text.text for text in request.system)})
    for message in request.messages:
        messages += _said(message) if message.role == "assistant" else _asked(message)
    written: dict[str, Any] = {"model": request.model, "messages": messages}
    if request.tools:
        written["tools"] = [_tool(tool) for tool in request.tools]
        if request.choice is not None:
            written["tool_choice"] = _choice(request.choice)
        if request.parallel is not None:
            written["parallel_tool_calls"] = request.parallel
    optional = {
        "max_completion_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "reasoning_effort": _effort(request.thinking),
        "response_format": _format(request.format),
    }
    written |= {name: value for name, value in optional.items() if value is not None}
    if request.stream:
        written |= {"stream": True, "stream_options": {"include_usage": True}}
    return Written(members=written, hints=_hints(request))


def _hints(request: Request) -> tuple[str, ...]:
    thoughts = any(isinstance(part, Thought) for message in request.messages for part in message.parts)
    return ("reasoning of earlier turns",) if thoughts else ()


def _said(message: Message) -> list[dict[str, Any]]:
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in message.parts
        if isinstance(part, ToolUse)
    ]
    if not all(isinstance(part, Text | ToolUse | Thought) for part in message.parts):
        raise untranslatable("picture in an answer")
    written: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    if calls:
        written["tool_calls"] = calls
    return [written] if texts or calls else []


def _asked(message: Message) -> list[dict[str, Any]]:
    """Results of tools are messages of their own and come first, as the calls that they answer came before."""
    written: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": part.id, "content": _result(part)}
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    rest = [_part(part) for part in message.parts if not isinstance(part, ToolResult)]
    if len(rest) == 1 and rest[0]["type"] == "text":
        written.append({"role": "user", "content": rest[0]["text"]})
    elif rest:
        written.append({"role": "user", "content": rest})
    return written


def _part(part: object) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    raise untranslatable("such content in a message of the user")


def _result(result: ToolResult) -> str:
    """Text; that the tool failed is said in words, because there is no member for it."""
    if not all(isinstance(part, Text) for part in result.parts):
        raise untranslatable("picture in the result of a tool")
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    return f"The tool failed: {text}" if result.failed else text


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: Choice) -> str | dict[str, Any]:
    if choice.kind == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return _CHOICES[choice.kind]


def _effort(thinking: Thinking | None) -> str | None:
    if thinking is None or thinking.off:
        return None
    if thinking.effort:
        return thinking.effort
    budget = thinking.budget or 0
    return "low" if budget <= LOW else "medium" if budget <= MEDIUM else "high"


def _format(wanted: Format | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}
