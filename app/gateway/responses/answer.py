"""A whole response, to and from the neutral words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.dialects.dialect import unreadable
from app.gateway.neutral import Answer, Text, Thought, Tool, ToolUse
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.signatures import kept_alone
from app.gateway.neutral.words import Stop

CREATED = 1_760_000_000


def read_answer(body: dict[str, Any], usage: Usage | None) -> Answer:
    """The answer of a provider; UpstreamError when it is none."""
    with understanding():
        parts = [part for item in body["output"] for part in _parts(item)]
        return Answer(
            id=str(body.get("id", "")),
            model=str(body.get("model", "")),
            parts=tuple(parts),
            stop=stop_of(body, used=any(isinstance(part, ToolUse) for part in parts)),
            usage=usage,
        )


def stop_of(body: dict[str, Any], *, used: bool) -> Stop:
    """Why a response stopped."""
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return "refusal" if reason == "content_filter" else "max_tokens"
    return "tool_use" if used else "end"


def use_of(item: dict[str, Any]) -> ToolUse:
    """The tool use of an item; text for a free tool becomes the one member of an object."""
    if item["type"] == "custom_tool_call":
        arguments = msgspec.json.encode({"input": str(item["input"])}).decode()
    else:
        arguments = str(item["arguments"])
    return ToolUse(id=str(item["call_id"]), name=str(item["name"]), arguments=arguments)


def _parts(item: dict[str, Any]) -> list[Text | Thought | ToolUse]:
    match item["type"]:
        case "message":
            return [Text(text=str(part.get("text") or part.get("refusal") or "")) for part in item["content"]]
        case "reasoning":
            text = "\n".join(str(part["text"]) for part in item.get("summary") or ())
            return [Thought(text=text)] if text else []
        case "function_call" | "custom_tool_call":
            return [use_of(item)]
        case kind:
            raise TypeError(f"output of the type {str(kind)[:40]!r}")


def write_answer(answer: Answer, tools: Mapping[str, Tool] = MappingProxyType({})) -> dict[str, Any]:
    """A `response`; `tools` of the client by name, for those that are free or have a name-space."""
    output: list[dict[str, Any]] = []
    for part in answer.parts:
        identity = f"{answer.id}-{len(output)}"
        match part:
            case Text():
                output.append(message_item(identity, [text_part(part.text)], "completed"))
            case Thought():
                kept = kept_alone(part.signature)
                output += [reasoning_item(identity, part.text, kept)] if part.text or kept else []
            case ToolUse():
                output.append(use_item(identity, part, tools.get(part.name)))
    whole = head(answer.id, answer.model, status_of(answer.stop)) | {"output": output}
    if answer.usage is not None:
        whole["usage"] = write_usage(answer.usage)
    return whole | ending(answer.stop)


def head(identity: str, model: str, status: str) -> dict[str, Any]:
    """What a response begins with."""
    return {
        "id": identity,
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def status_of(stop: Stop) -> str:
    """How the response ended."""
    return "incomplete" if stop in ("max_tokens", "refusal") else "completed"


def ending(stop: Stop) -> dict[str, Any]:
    """Why it is not whole."""
    reason = {"max_tokens": "max_output_tokens", "refusal": "content_filter"}.get(stop)
    return {"incomplete_details": {"reason": reason}} if reason else {}


def text_part(text: str) -> dict[str, Any]:
    """Text in a message."""
    return {"type": "output_text", "text": text, "annotations": []}


def message_item(identity: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """A message."""
    return {
        "id": f"msg_{identity}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def reasoning_item(identity: str, text: str, kept: str = "") -> dict[str, Any]:
    """Reasoning, as far as the provider shows it; `kept` is what clients keep of it and give back unread."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    encrypted = {"encrypted_content": kept} if kept else {}
    return {"id": f"rs_{identity}", "type": "reasoning", "summary": summary, **encrypted}


def use_item(identity: str, use: ToolUse, tool: Tool | None) -> dict[str, Any]:
    """A call of a function, or of a free tool with its text."""
    space = tool.space if tool else ""
    name = use.name.removeprefix(f"{space}__") if space else use.name
    called = {"status": "completed", "call_id": use.id, "name": name}
    if space:
        called["namespace"] = space
    if tool is not None and tool.free:
        item = {"id": f"ctc_{identity}", "type": "custom_tool_call", **called}
        return item | {"input": free_text(use.arguments)}
    return {"id": f"fc_{identity}", "type": "function_call", **called, "arguments": use.arguments}


def free_text(arguments: str) -> str:
    """What a free tool is called with: the one member of its arguments."""
    try:
        given = msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None
    return str(given.get("input", ""))


def write_usage(usage: Usage) -> dict[str, Any]:
    """Cached input is part of the input here."""
    given = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": given + usage.output,
    }
