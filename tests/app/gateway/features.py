"""What a request or an answer may hold, once for each dialect: the cells of docs/developers/translation.md.

A request feature is carried when what the provider gets, read back in its own dialect, says the same; the cell is
`as words` or `left out` where the rules say so, and `refused` where the client gets `untranslatable`.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from app.core.clock import SystemClock
from app.core.errors import InputError
from app.gateway.dialects import ANTHROPIC, GEMINI, OPENAI, RESPONSES, Bedrock, Dialect, Wire
from app.gateway.neutral import Answer, Request
from app.gateway.translation import CLIENTS, Client, Stream, Translation
from tests.app.gateway import bedrock_side, gemini_side

DIALECTS: dict[str, Dialect] = {"openai": OPENAI, "openai-responses": RESPONSES, "anthropic": ANTHROPIC}
WIRES: dict[str, Wire] = {
    **DIALECTS,
    "gemini": GEMINI,
    "bedrock": Bedrock(region="eu-central-1", clock=SystemClock()),
}
PAIRS = [(client, provider) for client in DIALECTS for provider in WIRES if client != provider]
SHORT = {
    "openai": "chat",
    "openai-responses": "responses",
    "anthropic": "messages",
    "gemini": "gemini",
    "bedrock": "bedrock",
}
UPSTREAM = {"gemini": "gemini-3-pro", "bedrock": "anthropic.claude-sonnet-4-5:0"}
"""Names of models, where the format goes by them."""
Read = Callable[[dict[str, Any]], Request]


def side(write: Callable[[Answer], dict[str, Any]], stream: Callable[[], Stream], read: Read) -> Client:
    """The other side of a provider's format, which no client of ours speaks."""
    return Client(
        read_request=read,
        write_answer=lambda answer, request: write(answer),
        stream=lambda request: stream(),
    )


SIDES: dict[str, Client] = {
    **CLIENTS,
    "gemini": side(gemini_side.write_answer, gemini_side.GeminiStream, gemini_side.read_request),
    "bedrock": side(bedrock_side.write_answer, bedrock_side.BedrockStream, bedrock_side.read_request),
}
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
HELLO = {"role": "user", "content": "hello"}


def chat(**members: Any) -> dict[str, Any]:
    """A chat request."""
    return {"model": "m", "messages": [HELLO], **members}


def message(**members: Any) -> dict[str, Any]:
    """A messages request."""
    return {"model": "m", "max_tokens": 4000, "messages": [HELLO], **members}


def response(**members: Any) -> dict[str, Any]:
    """A responses request."""
    return {"model": "m", "input": [HELLO], **members}


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
        "anthropic": message(messages=[HELLO, {"role": "system", "content": "s"}]),
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
        "anthropic": message(messages=_message_result("no such file", is_error=True), tools=[_TOOL]),
    },
    "picture in a tool result": {
        "openai": None,
        "anthropic": message(messages=_message_result([_PICTURE]), tools=[_TOOL]),
    },
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
    "tools in a name-space": {"openai": None, "anthropic": None},
    "free tools": {"openai": chat(tools=[{"type": "custom", "custom": {"name": "p"}}]), "anthropic": None},
    "answers kept by the provider": {"openai": None, "anthropic": None},
    "a member nobody knows": {"openai": chat(novel=1), "anthropic": message(novel=1)},
}


_FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA}
_CALLS = [
    {"type": "function_call", "call_id": one, "name": "f", "arguments": '{"q":"x"}'} for one in ("c1", "c2")
]
RESPONSES_FEATURES: dict[str, dict[str, Any]] = {
    "text": response(),
    "system prompt": response(instructions="s"),
    "system message in mid-conversation": response(input=[HELLO, {"role": "developer", "content": "s"}]),
    "tools": response(tools=[_FUNCTION]),
    "strict tools": response(tools=[{**_FUNCTION, "strict": True}]),
    "tools in a name-space": response(
        tools=[{"type": "namespace", "name": "n", "description": "d", "tools": [_FUNCTION]}]
    ),
    "free tools": response(tools=[{"type": "custom", "name": "patch", "description": "d"}]),
    "tools of the provider": response(tools=[{"type": "web_search"}]),
    "tool choice: must": response(tools=[_FUNCTION], tool_choice="required"),
    "tool choice: this one": response(tools=[_FUNCTION], tool_choice={"type": "function", "name": "f"}),
    "tool choice: none": response(tools=[_FUNCTION], tool_choice="none"),
    "one tool at a time": response(tools=[_FUNCTION], tool_choice="auto", parallel_tool_calls=False),
    "parallel tool uses and their results": response(
        tools=[_FUNCTION],
        input=[
            HELLO,
            *_CALLS,
            *({"type": "function_call_output", "call_id": one, "output": "done"} for one in ("c1", "c2")),
        ],
    ),
    "picture in a tool result": response(
        tools=[_FUNCTION],
        input=[
            HELLO,
            _CALLS[0],
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}],
            },
        ],
    ),
    "picture, base64": response(
        input=_user({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"})
    ),
    "picture by address": response(
        input=_user({"type": "input_image", "image_url": "https://files.example/a.png"})
    ),
    "document": response(input=_user({"type": "input_file", "file_id": "f"})),
    "reasoning wanted": response(reasoning={"effort": "medium"}, max_output_tokens=16000),
    "reasoning of earlier turns": response(
        input=[HELLO, {"type": "reasoning", "summary": [], "encrypted_content": "x"}, HELLO]
    ),
    "JSON output with a schema": response(
        text={"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}
    ),
    "JSON output without a schema": response(text={"format": {"type": "json_object"}}),
    "limit of tokens": response(max_output_tokens=77),
    "temperature, top_p": response(temperature=0.5, top_p=0.9),
    "temperature above 1": response(temperature=1.5),
    "metadata, user, service tier": response(user="u", metadata={"a": "b"}, service_tier="auto"),
    "cache marks": response(prompt_cache_key="k"),
    "a member nobody knows": response(novel=1),
    "answers kept by the provider": response(previous_response_id="r"),
}


def translated(members: dict[str, Any], client: str, provider: str) -> Translation:
    """A client's request on its way to a provider."""
    model = UPSTREAM.get(provider, "theirs")
    return Translation(members, client=DIALECTS[client], provider=WIRES[provider], model=model)


def cell(feature: str, client: str, provider: str) -> str:
    """What becomes of it on the way from a client to a provider."""
    members = FEATURES[feature][client] if client in FEATURES[feature] else RESPONSES_FEATURES.get(feature)
    if members is None:
        return "none there"
    try:
        translation = translated(members, client, provider)
    except InputError as error:
        return "refused" if error.code == "untranslatable" else str(error)
    asked = CLIENTS[client].read_request(members)
    arrived = SIDES[provider].read_request(msgspec.json.decode(translation.body))
    if translation.left:
        return "left out, named"
    return "carried" if plain(arrived, asked) == plain(asked, asked) else "carried as words"


def plain(request: Request, asked: Request) -> Request:
    """Without what each dialect fills in itself: its name of the model, a limit that nobody gave, units of effort."""
    same: dict[str, Any] = {"model": "", "usage_wanted": True, "hints": ()}
    same["tools"] = tuple(
        msgspec.structs.replace(tool, free=False, space="", strict=tool.strict or None)
        for tool in request.tools
    )
    if asked.format is not None and request.format is not None:
        same["format"] = msgspec.structs.replace(request.format, name="answer")
    if asked.max_tokens is None:
        same["max_tokens"] = None
    if asked.thinking is not None and request.thinking is not None:
        same["thinking"] = None
    return msgspec.structs.replace(request, **same)


def table() -> str:
    """The page's table."""
    head = "| | " + " | ".join(f"{SHORT[client]} → {SHORT[provider]}" for client, provider in PAIRS) + " |"
    rows = [head, "|---|" + "---|" * len(PAIRS)]
    for feature in FEATURES:
        cells = (cell(feature, client, provider) for client, provider in PAIRS)
        rows.append(f"| {feature} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
