"""The neutral words as a Converse request."""

from typing import Any
from urllib.parse import quote

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
from app.gateway.neutral.arguments import arguments_of
from app.gateway.neutral.effort import claude_budget
from app.gateway.neutral.signatures import of_anthropic, signed
from app.gateway.neutral.turns import ONE_TOOL, joined

THINKING_TOKENS = 8192
"""The limit of a request that wants reasoning and has none."""
NOTHING = {"text": "(no output)"}
"""What a tool's result says that is empty: blank texts are refused."""
_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}


def place(request: Request) -> str:
    """Where the request goes: the model, often the long name of a resource, is part of the address."""
    method = "converse-stream" if request.stream else "converse"
    return f"/model/{quote(request.model, safe='')}/{method}"


def write_request(request: Request) -> Written:
    """The members of the request; InputError for what this format cannot express."""
    if request.seed is not None:
        raise untranslatable("`seed`")
    if request.temperature is not None and request.temperature > 1:
        raise untranslatable("`temperature` above 1")
    kept, hints = signed(request.messages, of_anthropic)
    written: dict[str, Any] = {"messages": [_message(turn) for turn in joined(kept)]}
    system = [text.text for text in request.system if text.text.strip()]
    tools = _tools(request)
    if tools:
        written["toolConfig"] = {"tools": tools} | _choice(request.choice)
        if request.parallel is False and request.tools:
            system.append(ONE_TOOL)
    if system:
        written["system"] = [{"text": text} for text in system]
    more = _of_claude(request, hints)
    settings = {
        "maxTokens": request.max_tokens or (THINKING_TOKENS if "thinking" in more else None),
        "temperature": request.temperature,
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    optional = {
        "inferenceConfig": settings,
        "additionalModelRequestFields": more,
        "outputConfig": {"textFormat": _format(request.format)} if request.format else None,
    }
    written |= {name: value for name, value in optional.items() if value}
    return Written(members=written, hints=tuple(hints))


def _of_claude(request: Request, hints: list[str]) -> dict[str, Any]:
    """What only Anthropic's models know, by the names that those have."""
    claude = "claude" in request.model or "anthropic." in request.model
    more: dict[str, Any] = {}
    if request.top_k is not None:
        if not claude:
            raise untranslatable("`top_k` but for models of Anthropic")
        more["top_k"] = request.top_k
    budget = claude_budget(request, request.max_tokens or THINKING_TOKENS) if claude else None
    if budget:
        more["thinking"] = {"type": "enabled", "budget_tokens": budget}
    elif request.thinking is not None and not request.thinking.off:
        hints.append("reasoning_effort")
    return more


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": part.text}
        case Image():
            return _picture(part)
        case ToolUse():
            use = {"toolUseId": part.id, "name": part.name, "input": arguments_of(part)}
            return {"toolUse": use}
        case ToolResult():
            content = [_part(inner) for inner in part.parts if inner != Text(text="")] or [NOTHING]
            result: dict[str, Any] = {"toolUseId": part.id, "content": content}
            return {"toolResult": result | ({"status": "error"} if part.failed else {})}
        case Thought():
            reasoning = {"text": part.text, "signature": part.signature}
            return {"reasoningContent": {"reasoningText": reasoning}}


def _picture(image: Image) -> dict[str, Any]:
    if image.url:
        raise untranslatable("picture by its address")
    if image.media_type not in _FORMATS:
        raise untranslatable(f"picture of the type {image.media_type[:40]!r}")
    return {"image": {"format": _FORMATS[image.media_type], "source": {"bytes": image.data}}}


def _tools(request: Request) -> list[dict[str, Any]]:
    """The tools; those that were used before must stand here even where they may be used no more."""
    if request.tools:
        return [_tool(tool) for tool in request.tools]
    used = (part for message in request.messages for part in message.parts if isinstance(part, ToolUse))
    gone = "It was used earlier in this conversation and is gone."
    names = dict.fromkeys(use.name for use in used)
    return [_tool(Tool(name=name, description=gone, schema={"type": "object"})) for name in names]


def _tool(tool: Tool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.schema}}
    if tool.description:
        written["description"] = tool.description
    if tool.strict is not None:
        written["strict"] = tool.strict
    return {"toolSpec": written}


def _choice(choice: Choice | None) -> dict[str, Any]:
    if choice is None:
        return {}
    if choice.kind == "none":
        raise untranslatable("tool choice 'none'")
    named = {"name": choice.name} if choice.kind == "tool" else {}
    return {"toolChoice": {choice.kind: named}}


def _format(wanted: Format) -> dict[str, Any]:
    """The schema is text in this format."""
    if wanted.schema is None:
        raise untranslatable("JSON output without a schema")
    schema = {"name": wanted.name, "schema": msgspec.json.encode(wanted.schema).decode()}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}
