"""A client of one vendor and a model of another: the vendors' own SDKs see what they would see at home."""

import json

import anthropic
import openai
import pytest

from app.demo.script import Script, ToolUse
from tests.fix_gateway import EVERYTHING, gateway_site

HELLO = [{"role": "user", "content": "say it"}]
TWO = Script(
    text="I will look twice.",
    tools=(ToolUse("read", '{"path": "/srv/a"}'), ToolUse("read", '{"path": "/srv/b"}')),
)
ETC = Script(text="Passwords.", tools=(ToolUse("read", '{"path": "/etc/shadow"}'),))
BROKEN = Script(text="one two three four five six", fault="error_event")
BUSY = Script(status=429, headers=(("retry-after", "7"),))
SERVED = {"two": TWO, "etc": ETC, "broken": BROKEN, "busy": BUSY}
SCRIPTS = {f"gpt-{name}": script for name, script in SERVED.items()} | {
    f"claude-{name}": script for name, script in SERVED.items()
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


async def test_an_openai_client_talks_to_an_anthropic_model(database: str):
    async with gateway_site(database) as site:
        client = site.openai()
        system = {"role": "system", "content": "Be brief."}
        whole = await client.chat.completions.create(model="claude", messages=[system, *HELLO])
        assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (
            "You said: say it",
            "stop",
        )
        assert whole.model == "claude"
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
        async with client.chat.completions.stream(
            model="claude", messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.content == "You said: say it"
        assert final.usage.completion_tokens > 0
        received = [json.loads(one.body) for one in site.provider.received]
        assert [one.path for one in site.provider.received] == ["/v1/messages", "/v1/messages"]
        assert received[0]["system"] == [{"type": "text", "text": "Be brief."}]
        assert received[0]["max_tokens"] == 8192
        assert "sk-the-providers-own" in site.provider.received[0].headers["x-api-key"]
        rows = await site.rows("status, input_tokens > 0, output_tokens > 0, microdollars > 0")
        assert rows == [("ok", True, True, True)] * 2
        told = "body->'details'->>'dialect', body->'details'->>'translated'"
        intents = "(SELECT * FROM audit_events WHERE kind = 'intent') AS intents"
        assert await site.rows(told, table=intents) == [("openai", "anthropic")] * 2


async def test_an_anthropic_client_talks_to_an_openai_model(database: str):
    async with gateway_site(database) as site:
        client = site.anthropic()
        whole = await client.messages.create(model="gpt", max_tokens=50, messages=HELLO, system="Be brief.")
        assert (whole.content[0].text, whole.stop_reason) == ("You said: say it", "end_turn")
        assert (whole.usage.input_tokens > 0, whole.usage.output_tokens > 0) == (True, True)
        async with client.messages.stream(model="gpt", max_tokens=50, messages=HELLO) as stream:
            assert "".join([text async for text in stream.text_stream]) == "You said: say it"
            final = await stream.get_final_message()
        assert (final.stop_reason, final.usage.output_tokens > 0) == ("end_turn", True)
        count = await client.messages.count_tokens(model="gpt", messages=HELLO)
        assert count.input_tokens > 0
        assert [one.path for one in site.provider.received] == ["/v1/chat/completions"] * 2
        assert json.loads(site.provider.received[1].body)["stream_options"] == {"include_usage": True}
        rows = await site.rows("status, input_tokens > 0, microdollars > 0")
        assert rows == [("ok", True, True)] * 2 + [("ok", False, False)]


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_cross_both_ways_and_are_judged(database: str, stream: bool):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        client = site.anthropic()
        asked = {"max_tokens": 50, "messages": HELLO, "tools": ANTHROPIC_TOOLS}
        if stream:
            async with client.messages.stream(model="gpt-two", **asked) as events:
                said = await events.get_final_message()
        else:
            said = await client.messages.create(model="gpt-two", **asked)
        assert [block.type for block in said.content] == ["text", "tool_use", "tool_use"]
        assert [block.input["path"] for block in said.content[1:]] == ["/srv/a", "/srv/b"]
        assert said.stop_reason == "tool_use"
        other = site.openai()
        if stream:
            async with other.chat.completions.stream(
                model="claude-two", messages=HELLO, tools=OPENAI_TOOLS
            ) as chunks:
                choice = (await chunks.get_final_completion()).choices[0]
        else:
            choice = (
                await other.chat.completions.create(model="claude-two", messages=HELLO, tools=OPENAI_TOOLS)
            ).choices[0]
        assert choice.finish_reason == "tool_calls"
        called = [json.loads(call.function.arguments)["path"] for call in choice.message.tool_calls]
        assert called == ["/srv/a", "/srv/b"]
        uses = "(SELECT * FROM audit_events WHERE action = 'tool.use' AND kind = 'intent') AS uses"
        assert await site.rows("resource", table=uses) == [("client/read",)] * 4


async def test_what_a_tool_gave_goes_back_in_the_providers_format(database: str):
    result = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "nothing there", "is_error": True},
        {"type": "text", "text": "go on"},
    ]
    used = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "/srv/a"}}
    turns = [*HELLO, {"role": "assistant", "content": [used]}, {"role": "user", "content": result}]
    async with gateway_site(database) as site:
        await site.anthropic().messages.create(
            model="gpt", max_tokens=9, messages=turns, tools=ANTHROPIC_TOOLS
        )
        sent = json.loads(site.provider.received[0].body)["messages"]
    assert sent[1]["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"path":"/srv/a"}'}
    assert sent[2] == {
        "role": "tool",
        "tool_call_id": "toolu_1",
        "content": "The tool failed: nothing there",
    }
    assert sent[3] == {"role": "user", "content": "go on"}


async def test_a_refused_tool_use_never_reaches_a_client_of_the_other_dialect(database: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        with pytest.raises(anthropic.BadRequestError):
            await site.anthropic().messages.create(model="gpt-etc", max_tokens=50, messages=HELLO)
        for model, path in (("gpt-etc", "/v1/messages"), ("claude-etc", "/v1/chat/completions")):
            asked = {"model": model, "max_tokens": 50, "messages": HELLO, "stream": True}
            _, body, _ = await site.post(path, asked)
            assert b"shadow" not in body
            assert b"tool_use_denied" in body
        assert [row for row in await site.rows("status") if row != ("refused",)] == []


async def test_failures_of_the_provider_come_in_the_clients_shape(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        with pytest.raises(anthropic.RateLimitError) as busy:
            await site.anthropic().messages.create(model="gpt-busy", max_tokens=50, messages=HELLO)
        assert busy.value.response.headers["retry-after"] == "7"
        assert busy.value.body["error"]["message"] == "simulated rate_limit_error"
        with pytest.raises(openai.RateLimitError):
            await site.openai().chat.completions.create(model="claude-busy", messages=HELLO)
        with pytest.raises(openai.APIError, match="Overloaded"):
            async for _ in await site.openai().chat.completions.create(
                model="claude-broken", messages=HELLO, stream=True
            ):
                pass
        _, body, _ = await site.post(
            "/v1/messages", {"model": "gpt-broken", "max_tokens": 9, "messages": HELLO, "stream": True}
        )
        assert b"event: error\n" in body
        assert b"message_stop" not in body
        assert [row[0] for row in await site.rows("status")] == ["error"] * 4


async def test_what_the_other_format_cannot_say_is_refused_and_reaches_nothing(database: str):
    async with gateway_site(database) as site:
        with pytest.raises(openai.BadRequestError) as refused:
            await site.openai().chat.completions.create(model="claude", messages=HELLO, seed=7)
        assert refused.value.code == "untranslatable"
        assert "`seed`" in refused.value.message
        with pytest.raises(anthropic.BadRequestError, match="top_k"):
            await site.anthropic().messages.create(
                model="gpt", max_tokens=9, messages=HELLO, extra_body={"top_k": 3}
            )
        assert not site.provider.received
        assert await site.rows("status") == [("refused",), ("refused",)]


async def test_hints_that_are_left_out_are_named_to_the_client_and_in_the_record(database: str):
    async with gateway_site(database) as site:
        asked = {"model": "gpt", "max_tokens": 9, "messages": HELLO, "metadata": {"user_id": "x"}}
        _, _, headers = await site.post("/v1/messages", asked)
        assert (headers["x-sallyport-dialect"], headers["x-sallyport-left-out"]) == ("openai", "metadata")
        assert b"user_id" not in site.provider.received[0].body
        intents = "(SELECT * FROM audit_events WHERE kind = 'intent') AS intents"
        assert await site.rows("body->'details'->'left_out'", table=intents) == [(["metadata"],)]
