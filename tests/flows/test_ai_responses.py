"""Clients of the responses API: with a provider of it their bytes travel on, with others they are translated."""

import json

import openai
import pytest

from app.demo.script import Script, ToolUse
from tests.fix_gateway import EVERYTHING, gateway_site

TWO = Script(
    text="I will look twice.",
    tools=(ToolUse("read", '{"path": "/srv/a"}'), ToolUse("read", '{"path": "/srv/b"}')),
)
ETC = Script(text="Passwords.", tools=(ToolUse("read", '{"path": "/etc/shadow"}'),))
PATCH = Script(tools=(ToolUse("patch", '{"input": "*** Begin"}'),))
SPACE = Script(tools=(ToolUse("agents__close", '{"path": "x"}'),))
BROKEN = Script(text="one two three four five six", fault="error_event")
SCRIPTS = {
    f"{family}{name}": script
    for family in ("gpt", "claude", "native")
    for name, script in {
        "": Script(),
        "-two": TWO,
        "-etc": ETC,
        "-broken": BROKEN,
        "-patch": PATCH,
        "-space": SPACE,
    }.items()
}
NO_ETC = {
    "id": "no-etc",
    "effect": "forbid",
    "actions": ["tool.use"],
    "tools": ["client/read"],
    "when": [{"argument": "path", "starts_with": "/etc"}],
}
RULES = [EVERYTHING, NO_ETC]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOLS = [{"type": "function", "name": "read", "parameters": SCHEMA, "strict": False}]
PATHS = {
    "native": "/v1/responses",
    "gpt": "/v1/chat/completions",
    "claude": "/v1/messages",
}


@pytest.mark.parametrize("model", PATHS)
async def test_the_sdk_gets_its_answer_whole_and_streamed(database: str, model: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        client = site.openai()
        whole = await client.responses.create(model=model, input="say it", instructions="Be brief.")
        assert (whole.output_text, whole.status) == ("You said: say it", "completed")
        assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens > 0
        async with client.responses.stream(model=model, input="say it") as stream:
            pieces = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            final = await stream.get_final_response()
        assert "".join(pieces) == final.output_text == "You said: say it"
        assert final.usage.output_tokens > 0
        assert [one.path for one in site.provider.received] == [PATHS[model]] * 2
        if model == "native":
            assert json.loads(site.provider.received[0].body) == {
                "input": "say it",
                "instructions": "Be brief.",
                "model": "native",
            }
        rows = await site.rows("status, input_tokens > 0, output_tokens > 0, microdollars > 0")
        assert rows == [("ok", True, True, True)] * 2


@pytest.mark.parametrize("family", PATHS)
async def test_tool_uses_reach_the_sdk_and_are_judged(database: str, family: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        client = site.openai()
        whole = await client.responses.create(model=f"{family}-two", input="go", tools=TOOLS)
        calls = [item for item in whole.output if item.type == "function_call"]
        assert [json.loads(call.arguments)["path"] for call in calls] == ["/srv/a", "/srv/b"]
        async with client.responses.stream(model=f"{family}-two", input="go", tools=TOOLS) as stream:
            final = await stream.get_final_response()
        assert [json.loads(item.arguments) for item in final.output if item.type == "function_call"] == [
            {"path": "/srv/a"},
            {"path": "/srv/b"},
        ]
        with pytest.raises(openai.BadRequestError):
            await client.responses.create(model=f"{family}-etc", input="go", tools=TOOLS)
        asked = {"model": f"{family}-etc", "input": "go", "stream": True, "tools": TOOLS}
        _, body, _ = await site.post("/v1/responses", asked)
        assert b"shadow" not in body
        assert b"tool_use_denied" in body
        uses = "(SELECT * FROM audit_events WHERE action = 'tool.use') AS uses"
        kinds = [kind for (kind,) in await site.rows("kind", table=uses) if kind != "outcome"]
        assert kinds == ["intent"] * 4 + ["denial"] * 2


@pytest.mark.parametrize("family", ["gpt", "claude"])
async def test_free_tools_are_functions_elsewhere_and_free_again_for_the_client(database: str, family: str):
    free = {"type": "custom", "name": "patch", "description": "Apply a patch."}
    async with gateway_site(database, scripts=SCRIPTS) as site:
        whole = await site.openai().responses.create(model=f"{family}-patch", input="go", tools=[free])
        assert [(item.type, item.input) for item in whole.output] == [("custom_tool_call", "*** Begin")]
        async with site.openai().responses.stream(
            model=f"{family}-patch", input="go", tools=[free]
        ) as stream:
            final = await stream.get_final_response()
        assert [(item.type, item.input) for item in final.output] == [("custom_tool_call", "*** Begin")]


@pytest.mark.parametrize("family", ["gpt", "claude"])
async def test_name_spaces_are_joined_to_names_elsewhere_and_taken_off_again(database: str, family: str):
    space = {
        "type": "namespace",
        "name": "agents",
        "description": "d",
        "tools": [{**TOOLS[0], "name": "close"}],
    }
    called = {
        "type": "function_call",
        "call_id": "c0",
        "namespace": "agents",
        "name": "close",
        "arguments": "{}",
    }
    before = [called, {"type": "function_call_output", "call_id": "c0", "output": "done"}]
    asked = {
        "model": f"{family}-space",
        "tools": [space],
        "input": [{"role": "user", "content": "go"}, *before],
    }
    async with gateway_site(database, scripts=SCRIPTS) as site:
        for stream in (False, True):
            _, body, _ = await site.post("/v1/responses", {**asked, "stream": stream})
            lines = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
            last = json.loads(lines[-1])["response"] if stream else json.loads(body)
            (use,) = last["output"]
            assert (use["namespace"], use["name"]) == ("agents", "close")
            assert json.loads(use["arguments"]) == {"path": "x"}
        assert site.provider.received[0].body.count(b'"agents__close"') == 2


@pytest.mark.parametrize("family", PATHS)
async def test_a_stream_that_fails_ends_with_the_event_that_clients_wait_for(database: str, family: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        asked = {"model": f"{family}-broken", "input": "go", "stream": True}
        _, body, _ = await site.post("/v1/responses", asked)
        last = [line for line in body.splitlines() if line.startswith(b"event: ")][-1]
        assert last == b"event: response.failed"
        assert await site.rows("status") == [("error",)]


async def test_a_websocket_is_refused_at_once_and_reaches_nothing(database: str):
    async with gateway_site(database) as site:
        upgrade = {"connection": "upgrade", "upgrade": "websocket", "openai-beta": "responses_websockets=1"}
        async with site.session.get(f"{site.url}/v1/responses", headers=upgrade) as answer:
            assert answer.status == 426
        assert await site.rows("1") == []


async def test_what_only_the_provider_could_remember_is_refused(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        with pytest.raises(openai.BadRequestError) as refused:
            await site.openai().responses.create(model="gpt", input="go", previous_response_id="resp_1")
        assert refused.value.code == "untranslatable"
        assert not site.provider.received
        assert await site.rows("status") == [("refused",)]
