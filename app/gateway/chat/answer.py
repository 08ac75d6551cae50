"""A whole chat completion, to and from the neutral words."""

from typing import Any

from app.core.usage import Usage
from app.gateway.neutral import Answer, Text, Thought, ToolUse
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.words import Stop

CREATED = 1_760_000_000
STOPS: dict[str, Stop] = {
    "stop": "end",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
REASONS: dict[Stop, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause": "stop",
}


def read_answer(body: dict[str, Any], usage: Usage | None) -> Answer:
    """The answer of a provider; UpstreamError when it is none."""
    with understanding():
        choice = body["choices"][0]
        message = choice["message"]
        parts: list[Text | Thought | ToolUse] = []
        thought = message.get("reasoning_content") or message.get("reasoning")
        if thought:
            parts.append(Thought(text=str(thought)))
        texts = (message.get("content"), message.get("refusal"))
        parts += [Text(text=_text(text)) for text in texts if text]
        for call in message.get("tool_calls") or ():
            function = call["function"]
            parts.append(
                ToolUse(id=str(call["id"]), name=str(function["name"]), arguments=str(function["arguments"]))
            )
        refused = bool(message.get("refusal"))
        stop = "refusal" if refused else STOPS.get(str(choice.get("finish_reason")), "end")
        return Answer(
            id=str(body.get("id", "")),
            model=str(body.get("model", "")),
            parts=tuple(parts),
            stop=stop,
            usage=usage,
        )


def write_answer(answer: Answer) -> dict[str, Any]:
    """A `chat.completion`."""
    texts = [part.text for part in answer.parts if isinstance(part, Text)]
    thoughts = [part.text for part in answer.parts if isinstance(part, Thought) and part.text]
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in answer.parts
        if isinstance(part, ToolUse)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None, "refusal": None}
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": REASONS[answer.stop]}
    written = head(answer.id, answer.model, "chat.completion") | {"choices": [choice]}
    if answer.usage is not None:
        written["usage"] = write_usage(answer.usage)
    return written


def head(identity: str, model: str, kind: str) -> dict[str, Any]:
    """What every object of this API begins with."""
    return {"id": identity, "object": kind, "created": CREATED, "model": model}


def write_usage(usage: Usage) -> dict[str, Any]:
    """Cached input is part of the prompt here, and reasoning of the completion."""
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part["text"]) for part in content)
