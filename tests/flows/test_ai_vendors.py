"""Models behind Gemini's and Bedrock's formats: the other vendors' SDKs see what they would see at home."""

import json

import anthropic
import openai
import pytest

from app.demo.script import Script, ToolUse
from tests.fix_gateway import EVERYTHING, GatewaySite, gateway_site

HELLO = [{"role": "user", "content": "say it"}]
TWO = Script(
    text="I will look twice.",
    tools=(ToolUse("read", '{"path": "/srv/a"}'), ToolUse("read", '{"path": "/srv/b"}')),
)
ETC = Script(text="Passwords.", tools=(ToolUse("read", '{"path": "/etc/shadow"}'),))
BROKEN = Script(text="one two three four five six", fault="error_event")
FAULTS = ("half_event", "end_early", "garbage", "reset")
SCRIPTS = {
    "gemini-3-pro": Script(),
    "gemini-3-two": TWO,
    "gemini-3-etc": ETC,
    "gemini-broken": BROKEN,
    "gemini-busy": Script(status=429),
    "gemini-keyless": Script(status=400),
    "bedrock": Script(),
    "bedrock-claude": Script(),
    "bedrock-two": TWO,
    "bedrock-etc": ETC,
    "bedrock-broken": BROKEN,
    "bedrock-busy": Script(status=429),
    "bedrock-keyless": Script(status=403),
} | {
    f"{vendor}-{fault}": Script(text="a b c d e f", fault=fault)
    for vendor in ("gemini", "bedrock")
    for fault in FAULTS
}
NO_ETC = {
    "id": "no-etc",
    "effect": "forbid",
    "actions": ["tool.use"],
    "tools": ["client/read"],
    "when": [{"argument": "path", "starts_with": "/etc"}],
}
RULES = [EVERYTHING, NO_ETC]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
OPENAI_TOOLS = [{"type": "function", "function": {"name": "read", "parameters": SCHEMA}}]
ANTHROPIC_TOOLS = [{"name": "read", "input_schema": SCHEMA}]
VENDORS = ("gemini", "bedrock")
PLAIN = {"gemini": "gemini-3-pro", "bedrock": "bedrock-claude"}
PLACES = {
    "gemini": (
        "/v1beta/models/gemini-3-pro:generateContent",
        "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
    ),
    "bedrock": ("/model/bedrock-claude/converse", "/model/bedrock-claude/converse-stream"),
}
INTENTS = "(SELECT * FROM audit_events WHERE kind = 'intent' AND action = 'model.invoke') AS intents"
USES = "(SELECT * FROM audit_events WHERE action = 'tool.use' AND kind = 'intent') AS uses"


def tools_model(vendor: str) -> str:
    return "gemini-3-two" if vendor == "gemini" else "bedrock-two"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_openai_client_talks_to_it_and_is_recorded(database: str, vendor: str):
    async with gateway_site(database, scripts=SCRIPTS, content="full") as site:
        client, model = site.openai(), PLAIN[vendor]
        system = {"role": "system", "content": "Be brief."}
        whole = await client.chat.completions.create(model=model, messages=[system, *HELLO])
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (
            "You said: say it",
            "stop",
        )
        assert (whole.model, bool(whole.id)) == (model, True)
        async with client.chat.completions.stream(
            model=model, messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.content == "You said: say it"
        assert (final.model, final.usage.completion_tokens > 0) == (model, True)
        assert tuple(one.path for one in site.provider.received) == PLACES[vendor]
        rows = await site.rows("status, input_tokens > 0, output_tokens > 0, microdollars > 0")
        assert rows == [("ok", True, True, True)] * 2
        assert await site.rows("response ->> 'text'") == [("You said: say it",)] * 2
        told = "body->'details'->>'dialect', body->'details'->>'translated'"
        assert await site.rows(told, table=INTENTS) == [("openai", vendor)] * 2


async def test_the_keys_travel_as_each_vendor_wants_them(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        for model in PLAIN.values():
            await site.openai().chat.completions.create(model=model, messages=HELLO)
        google, amazon = (
            {name.lower(): value for name, value in one.headers.items()} for one in site.provider.received
        )
        assert google["x-goog-api-key"] == "sk-the-providers-own"
        assert "authorization" not in google
        scope, signed, signature = amazon["authorization"].split(", ")
        assert scope.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert scope.endswith("/eu-central-1/bedrock/aws4_request")
        assert signed == "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
        assert len(signature.removeprefix("Signature=")) == 64
        assert amazon["x-amz-security-token"] == "a-session-token"
        assert "wJalrXUtnFEMI" not in str(amazon)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("stream", [pytest.param(False, marks=pytest.mark.slow), True])
async def test_tools_cross_both_ways_and_are_judged(database: str, vendor: str, stream: bool):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        model = tools_model(vendor)
        asked = {"model": model, "max_tokens": 50, "messages": HELLO, "tools": ANTHROPIC_TOOLS}
        if stream:
            async with site.anthropic().messages.stream(**asked) as events:
                said = await events.get_final_message()
        else:
            said = await site.anthropic().messages.create(**asked)
        uses = [block for block in said.content if block.type == "tool_use"]
        assert [block.input["path"] for block in uses] == ["/srv/a", "/srv/b"]
        assert (said.stop_reason, len({block.id for block in uses})) == ("tool_use", 2)
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": "here"} for use in uses]
        turns = [*HELLO, {"role": "assistant", "content": said.content}, {"role": "user", "content": results}]
        again = await site.anthropic().messages.create(**asked | {"messages": turns})
        assert again.stop_reason == "tool_use"
        other = await site.openai().responses.create(
            model=model, input="say it", tools=[{"type": "function", "name": "read", "parameters": SCHEMA}]
        )
        called = [json.loads(item.arguments)["path"] for item in other.output if item.type == "function_call"]
        assert called == ["/srv/a", "/srv/b"]
        assert await site.rows("resource", table=USES) == [("client/read",)] * 6
        assert {status for (status,) in await site.rows("status")} == {"ok"}


@pytest.mark.parametrize("stream", [pytest.param(False, marks=pytest.mark.slow), True])
async def test_a_responses_client_keeps_the_signature_too(database: str, stream: bool):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        client, tool = site.openai(), {"type": "function", "name": "read", "parameters": SCHEMA}
        asked = {"model": "gemini-3-two", "tools": [tool]}
        if stream:
            async with client.responses.stream(input="say it", **asked) as events:
                said = await events.get_final_response()
        else:
            said = await client.responses.create(input="say it", **asked)
        given = [item.model_dump(exclude_none=True) for item in said.output]
        calls = [item["call_id"] for item in given if item["type"] == "function_call"]
        results = [{"type": "function_call_output", "call_id": one, "output": "here"} for one in calls]
        await client.responses.create(input=[*HELLO, *given, *results], **asked)
        spoken = json.loads(site.provider.received[-1].body)["contents"][1]["parts"]
        [kept] = [item["encrypted_content"] for item in given if item["type"] == "reasoning"]
        assert spoken[1]["thoughtSignature"] == kept.removeprefix("gemini:")
        assert {status for (status,) in await site.rows("status")} == {"ok"}


async def test_a_signature_of_geminis_comes_back_to_it_and_a_chat_client_needs_none(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        asked = {"model": "gemini-3-two", "max_tokens": 50, "messages": HELLO, "tools": ANTHROPIC_TOOLS}
        async with site.anthropic().messages.stream(**asked) as events:
            said = await events.get_final_message()
        use = said.content[-1]
        result = {"type": "tool_result", "tool_use_id": use.id, "content": "here"}
        turns = [
            *HELLO,
            {"role": "assistant", "content": said.content},
            {"role": "user", "content": [result]},
        ]
        await site.anthropic().messages.create(**asked | {"messages": turns})
        spoken = json.loads(site.provider.received[-1].body)["contents"][1]["parts"]
        [signature] = [block.signature for block in said.content if block.type == "thinking"]
        assert spoken[1]["thoughtSignature"] == signature.removeprefix("gemini:")
        assert "thoughtSignature" not in spoken[2]
        called = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
        history = [
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "content": "here"},
        ]
        await site.openai().chat.completions.create(
            model="gemini-3-two", messages=history, tools=OPENAI_TOOLS
        )
        spoken = json.loads(site.provider.received[-1].body)["contents"]
        assert spoken[1]["parts"][0]["thoughtSignature"] == "skip_thought_signature_validator"
        assert spoken[2]["parts"][0]["functionResponse"]["name"] == "read"


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
async def test_reasoning_is_asked_for_and_shown(database: str, vendor: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        thinking = {"type": "enabled", "budget_tokens": 2048}
        async with site.anthropic().messages.stream(
            model=PLAIN[vendor], max_tokens=4000, messages=HELLO, thinking=thinking
        ) as events:
            said = await events.get_final_message()
        assert [block.type for block in said.content] == ["thinking", "text"]
        assert said.content[0].thinking == "Let me think."
        told = await site.openai().chat.completions.create(
            model=PLAIN[vendor], messages=HELLO, reasoning_effort="low", max_completion_tokens=4000
        )
        assert told.choices[0].message.model_dump()["reasoning_content"] == "Let me think."


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_refused_tool_use_never_reaches_the_client(database: str, vendor: str):
    model = "gemini-3-etc" if vendor == "gemini" else "bedrock-etc"
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        with pytest.raises(anthropic.BadRequestError):
            await site.anthropic().messages.create(model=model, max_tokens=50, messages=HELLO)
        for path in ("/v1/messages", "/v1/chat/completions"):
            asked = {"model": model, "max_tokens": 50, "messages": HELLO, "stream": True}
            _, body, _ = await site.post(path, asked)
            assert b"shadow" not in body
            assert b"tool_use_denied" in body
        assert await site.rows("status") == [("refused",)] * 3


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
async def test_failures_of_the_provider_come_in_the_clients_shape(database: str, vendor: str):
    async with gateway_site(database, scripts=SCRIPTS, timeout=0.5) as site:
        with pytest.raises(anthropic.RateLimitError, match="simulated") as busy:
            await site.anthropic().messages.create(model=f"{vendor}-busy", max_tokens=50, messages=HELLO)
        assert busy.value.response.headers.get("retry-after") == ("2" if vendor == "gemini" else None)
        with pytest.raises(openai.APIError, match="Overloaded"):
            async for _ in await site.openai().chat.completions.create(
                model=f"{vendor}-broken", messages=HELLO, stream=True
            ):
                pass
        with pytest.raises(anthropic.InternalServerError, match="Sallyport's own key"):
            await site.anthropic().messages.create(model=f"{vendor}-keyless", max_tokens=50, messages=HELLO)
        for fault in FAULTS:
            await _fails(site, f"{vendor}-{fault}")
        assert {status for (status,) in await site.rows("status")} == {"error"}


async def _fails(site: GatewaySite, model: str) -> None:
    asked = {"model": model, "max_tokens": 9, "messages": HELLO, "stream": True}
    status, body, headers = await site.post("/v1/messages", asked)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), model
    assert body.count(b"event: error\n") == 1, model
    assert b"message_stop" not in body, model


async def test_what_bedrock_refuses_by_itself_is_not_sent_to_it(database: str):
    """The simulator refuses what the service does: turns of one role in a row, blank texts, results without tools."""
    turns = [*HELLO, {"role": "user", "content": "and"}, {"role": "user", "content": " "}]
    used = {"type": "tool_use", "id": "t1", "name": "read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": ""}
    turns += [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    async with gateway_site(database, scripts=SCRIPTS) as site:
        said = await site.anthropic().messages.create(model="bedrock", max_tokens=9, messages=turns)
        assert said.stop_reason == "end_turn"
        sent = json.loads(site.provider.received[0].body)
        assert [tool["toolSpec"]["name"] for tool in sent["toolConfig"]["tools"]] == ["read"]
        assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
