"""What a request or an answer may hold, once for each dialect: the cells of docs/developers/translation.md.

A request feature is carried when what the provider gets, read back in its own dialect, says the same; the cell is
`as words` or `left out` where the rules say so, and `refused` where the client gets `untranslatable`.
"""

from typing import Any

import msgspec

from app.core.errors import InputError
from app.gateway.dialects import ANTHROPIC, OPENAI
from app.gateway.neutral import Request
from app.gateway.translation import TRANSLATORS, Translation

DIALECTS = {"openai": OPENAI, "anthropic": ANTHROPIC}
PAIRS = [("openai", "anthropic"), ("anthropic", "openai")]
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
HELLO = {"role": "user", "content": "hello"}


def chat(**members: Any) -> dict[str, Any]:
    """A chat request."""
    return {"model": "m", "messages": [HELLO], **members}


def message(**members: Any) -> dict[str, Any]:
    """A messages request."""
    return {"model": "m", "max_tokens": 4000, "messages": [HELLO], **members}


def _user(*content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(content)}]


def _chat_result(content: Any) -> list[dict[str, Any]]:
    called = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q":"x"}'}}
    said = {"role": "assistant", "content": None, "tool_calls": [called, {**called, "id": "c2"}]}
    done = [{"role": "tool", "tool_call_id": one, "content": content} for one in ("c1", "c2")]
    return [HELLO, said, *done]


def _message_result(content: Any, **more: Any) -> list[dict[str, Any]]:
    uses = [{"type": "tool_use", "id": one, "name": "f", "input": {"q": "x"}} for one in ("c1", "c2")]
    results = [
        {"type": "tool_result", "tool_use_id": one, "content": content, **more} for one in ("c1", "c2")
    ]
    return [HELLO, {"role": "assistant", "content": uses}, {"role": "user", "content": results}]


_CHAT_TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
_TOOL = {"name": "f", "description": "d", "input_schema": SCHEMA}
_CHAT_PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
_PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}

FEATURES: dict[str, dict[str, dict[str, Any] | None]] = {
    "text": {"openai": chat(), "anthropic": message()},
    "system prompt": {
        "openai": chat(messages=[{"role": "system", "content": "s"}, HELLO]),
        "anthropic": message(system=[{"type": "text", "text": "s"}]),
    },
    "system message in mid-conversation": {
        "openai": chat(messages=[HELLO, {"role": "system", "content": "s"}]),
        "anthropic": None,
    },
    "tools": {"openai": chat(tools=[_CHAT_TOOL]), "anthropic": message(tools=[_TOOL])},
    "strict tools": {
        "openai": chat(
            tools=[
                {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}},
            ]
        ),
        "anthropic": message(tools=[{**_TOOL, "strict": True}]),
    },
    "tools of the provider": {
        "openai": chat(tools=[{"type": "web_search"}]),
        "anthropic": message(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    },
    "tool choice: must": {
        "openai": chat(tools=[_CHAT_TOOL], tool_choice="required"),
        "anthropic": message(tools=[_TOOL], tool_choice={"type": "any"}),
    },
    "tool choice: this one": {
        "openai": chat(tools=[_CHAT_TOOL], tool_choice={"type": "function", "function": {"name": "f"}}),
        "anthropic": message(tools=[_TOOL], tool_choice={"type": "tool", "name": "f"}),
    },
    "tool choice: none": {
        "openai": chat(tools=[_CHAT_TOOL], tool_choice="none"),
        "anthropic": message(tools=[_TOOL], tool_choice={"type": "none"}),
    },
    "one tool at a time": {
        "openai": chat(tools=[_CHAT_TOOL], tool_choice="auto", parallel_tool_calls=False),
        "anthropic": message(tools=[_TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    },
    "parallel tool uses and their results": {
        "openai": chat(messages=_chat_result("done"), tools=[_CHAT_TOOL]),
        "anthropic": message(messages=_message_result([{"type": "text", "text": "done"}]), tools=[_TOOL]),
    },
    "failed tool result": {
        "openai": None,
        "anthropic": message(messages=_message_result("no such file", is_error=True)),
    },
    "picture in a tool result": {"openai": None, "anthropic": message(messages=_message_result([_PICTURE]))},
    "picture, base64": {
        "openai": chat(messages=_user(_CHAT_PICTURE)),
        "anthropic": message(messages=_user(_PICTURE)),
    },
    "picture by address": {
        "openai": chat(
            messages=_user({"type": "image_url", "image_url": {"url": "https://files.example/a.png"}})
        ),
        "anthropic": message(
            messages=_user({"type": "image", "source": {"type": "url", "url": "https://files.example/a.png"}})
        ),
    },
    "document": {
        "openai": chat(messages=_user({"type": "file", "file": {"file_id": "f"}})),
        "anthropic": message(messages=_user({"type": "document", "source": {"type": "text", "data": "x"}})),
    },
    "audio": {
        "openai": chat(messages=_user({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})),
        "anthropic": None,
    },
    "reasoning wanted": {
        "openai": chat(reasoning_effort="medium", max_completion_tokens=16000),
        "anthropic": message(thinking={"type": "enabled", "budget_tokens": 2048}),
    },
    "reasoning of earlier turns": {
        "openai": None,
        "anthropic": message(
            messages=[
                HELLO,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "text", "text": "a"},
                    ],
                },
                HELLO,
            ]
        ),
    },
    "JSON output with a schema": {
        "openai": chat(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            }
        ),
        "anthropic": message(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    },
    "JSON output without a schema": {
        "openai": chat(response_format={"type": "json_object"}),
        "anthropic": None,
    },
    "limit of tokens": {"openai": chat(max_completion_tokens=77), "anthropic": message(max_tokens=77)},
    "temperature, top_p": {
        "openai": chat(temperature=0.5, top_p=0.9),
        "anthropic": message(temperature=0.5, top_p=0.9),
    },
    "temperature above 1": {"openai": chat(temperature=1.5), "anthropic": None},
    "top_k": {"openai": chat(top_k=3), "anthropic": message(top_k=3)},
    "stop sequences": {"openai": chat(stop=["a", "b"]), "anthropic": message(stop_sequences=["a", "b"])},
    "five stop sequences": {"openai": None, "anthropic": message(stop_sequences=list("abcde"))},
    "seed": {"openai": chat(seed=1), "anthropic": None},
    "several answers (n)": {"openai": chat(n=2), "anthropic": None},
    "log probabilities": {"openai": chat(logprobs=True), "anthropic": None},
    "logit bias, penalties": {
        "openai": chat(frequency_penalty=0.5),
        "anthropic": None,
    },
    "metadata, user, service tier": {
        "openai": chat(user="u", metadata={"a": "b"}, service_tier="auto"),
        "anthropic": message(metadata={"user_id": "u"}, service_tier="auto"),
    },
    "cache marks": {
        "openai": chat(prompt_cache_key="k"),
        "anthropic": message(system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]),
    },
    "a member nobody knows": {"openai": chat(novel=1), "anthropic": message(novel=1)},
}


def cell(feature: str, client: str, provider: str) -> str:
    """What becomes of it on the way from a client to a provider."""
    members = FEATURES[feature][client]
    if members is None:
        return "none there"
    try:
        translation = Translation(
            members, client=DIALECTS[client], provider=DIALECTS[provider], model="theirs"
        )
    except InputError as error:
        return "refused" if error.code == "untranslatable" else str(error)
    asked = TRANSLATORS[client].read_request(members)
    arrived = TRANSLATORS[provider].read_request(msgspec.json.decode(translation.body))
    if translation.left:
        return "left out, named"
    return "carried" if plain(arrived, asked) == plain(asked, asked) else "carried as words"


def plain(request: Request, asked: Request) -> Request:
    """Without what each dialect fills in itself: its name of the model, a limit that nobody gave, units of effort."""
    same: dict[str, Any] = {"model": "", "usage_wanted": True}
    if asked.max_tokens is None:
        same["max_tokens"] = None
    if asked.thinking is not None and request.thinking is not None:
        same["thinking"] = None
    return msgspec.structs.replace(request, **same)


def table() -> str:
    """The page's table."""
    head = "| | " + " | ".join(f"{client} client, {provider} model" for client, provider in PAIRS) + " |"
    rows = [head, "|---|" + "---|" * len(PAIRS)]
    for feature in FEATURES:
        cells = (cell(feature, client, provider) for client, provider in PAIRS)
        rows.append(f"| {feature} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
