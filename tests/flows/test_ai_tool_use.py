"""A tool use that a model returns is judged before the client sees it, in both dialects, whole and streamed."""

import json

import anthropic
import openai
import pytest

from app.demo.script import Script, ToolUse
from tests.fix_gateway import EVERYTHING, GatewaySite, gateway_site

HELLO = [{"role": "user", "content": "go"}]
NO_DELETE = {"id": "no-delete", "effect": "forbid", "actions": ["tool.use"], "tools": ["client/delete_*"]}
NO_ETC = {
    "id": "no-etc",
    "effect": "forbid",
    "actions": ["tool.use"],
    "tools": ["client/read"],
    "when": [{"argument": "path", "starts_with": "/etc"}],
}
RULES = [EVERYTHING, NO_DELETE, NO_ETC]
LOOK = Script(text="I will look.", tools=(ToolUse("read", '{"path": "/srv/notes"}'),))
DELETE = Script(
    text="I will delete.", tools=(ToolUse("read", '{"path": "/srv"}'), ToolUse("delete_all", '{"x": 1}'))
)
ETC = Script(text="Passwords.", tools=(ToolUse("read", '{"path": "/etc/shadow"}'),))
DOUBLE = Script(text="Twice.", tools=(ToolUse("read", '{"path": "/etc/shadow", "path": "/srv"}'),))
CUT = Script(text="Cut off.", tools=(ToolUse("read", '{"path": "/sr'),))
SERVED = {"look": LOOK, "delete": DELETE, "etc": ETC, "double": DOUBLE, "cut": CUT}
SCRIPTS = SERVED | {f"claude-{name}": script for name, script in SERVED.items()}


async def uses(site: GatewaySite) -> list[tuple]:
    """Each judged tool use, and whether its trace is that of the request."""
    table = (
        "(SELECT t.time, t.resource, t.kind, t.rule_ids, m.trace_id IS NOT NULL AS joined FROM audit_events t"
        " LEFT JOIN audit_events m ON m.trace_id = t.trace_id AND m.span_id = t.parent_id"
        " AND m.action = 'model.invoke' AND m.kind = 'intent'"
        " WHERE t.action = 'tool.use' AND t.kind IN ('intent', 'denial')) AS uses"
    )
    return await site.rows("resource, kind, array_to_string(rule_ids, ','), joined", table=table)


PERMITTED = ("client/read", "intent", "site/everything", True)


async def test_a_permitted_tool_use_reaches_the_openai_client(database: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        client = site.openai()
        whole = await client.chat.completions.create(model="look", messages=HELLO)
        assert json.loads(whole.choices[0].message.tool_calls[0].function.arguments) == {"path": "/srv/notes"}
        async with client.chat.completions.stream(model="look", messages=HELLO) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.content == "I will look."
        assert final.choices[0].message.tool_calls[0].function.arguments == '{"path": "/srv/notes"}'
        assert await uses(site) == [PERMITTED, PERMITTED]


async def test_a_permitted_tool_use_reaches_the_anthropic_client(database: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        client = site.anthropic()
        whole = await client.messages.create(model="claude-look", messages=HELLO, max_tokens=50)
        assert whole.content[1].input == {"path": "/srv/notes"}
        async with client.messages.stream(model="claude-look", messages=HELLO, max_tokens=50) as stream:
            final = await stream.get_final_message()
        assert final.content[1].input == {"path": "/srv/notes"}
        assert await uses(site) == [PERMITTED, PERMITTED]


@pytest.mark.parametrize(
    ("model", "rule"), [("delete", "site/no-delete"), ("etc", "site/no-etc"), ("double", ""), ("cut", "")]
)
async def test_a_denied_tool_use_ends_the_openai_answer(database: str, model: str, rule: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        client = site.openai()
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model=model, messages=HELLO)
        assert refused.value.code == "tool_use_denied"
        assert rule in refused.value.message
        seen = ""
        with pytest.raises(openai.APIError, match="was stopped"):
            async for chunk in await client.chat.completions.create(model=model, messages=HELLO, stream=True):
                assert not chunk.choices[0].delta.tool_calls
                seen += chunk.choices[0].delta.content or ""
        assert seen == SCRIPTS[model].text
        assert await site.rows("status, microdollars > 0") == [("refused", True)] * 2
        judged = await uses(site)
    assert len(judged) in (2, 4)
    assert all(joined for *_, joined in judged)
    assert not rule or judged[-1][1:3] == ("denial", rule)


@pytest.mark.parametrize(
    ("model", "rule"), [("delete", "site/no-delete"), ("etc", "site/no-etc"), ("cut", "")]
)
async def test_a_denied_tool_use_ends_the_anthropic_answer(database: str, model: str, rule: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=RULES) as site:
        client = site.anthropic()
        if model != "cut":
            with pytest.raises(anthropic.BadRequestError, match=rule):
                await client.messages.create(model=f"claude-{model}", messages=HELLO, max_tokens=50)
        asked = {"model": f"claude-{model}", "messages": HELLO, "max_tokens": 50, "stream": True}
        status, body, _ = await site.post("/v1/messages", asked)
        assert status == 200
        last = json.loads(body.split(b"data: ")[-1])
        assert last["type"] == "error"
        assert rule in last["error"]["message"]
        [trace] = {trace for (trace,) in (await site.rows("trace_id"))[-1:]}
        assert last["trace_id"] == trace
        assert b"delete_all" not in body.partition(b"event: error")[0]
        assert b"/etc/shadow" not in body
        rows = await site.rows("status")
    assert rows[-1] == ("refused",)


async def test_text_flows_while_a_tool_use_is_still_growing(database: str):
    slow = Script(
        text="One two three.", tools=(ToolUse("read", '{"path": "/srv/' + "x" * 60 + '"}'),), pace=0.02
    )
    async with gateway_site(database, scripts={"slow": slow}, rules=RULES) as site:
        order = []
        stream = await site.openai().chat.completions.create(model="slow", messages=HELLO, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                order.append(("text", site.provider.running))
            if chunk.choices[0].delta.tool_calls:
                order.append(("tool", len(await uses(site))))
    assert order[0] == ("text", 1)
    assert order[-1] == ("tool", 1)


async def test_denied_models_and_unknown_people_reach_no_provider(database: str):
    rules = [{"id": "small", "effect": "permit", "actions": ["model.invoke"], "models": ["gpt"]}]
    async with gateway_site(database, rules=rules) as site:
        with pytest.raises(anthropic.BadRequestError, match="trace"):
            await site.anthropic().messages.create(model="claude", messages=HELLO, max_tokens=5)
        with pytest.raises(openai.AuthenticationError):
            await site.openai("sp_stranger").chat.completions.create(model="gpt", messages=HELLO)
        status, _, headers = await site.post("/v1/messages", {"model": "claude"}, key="")
        assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="sallyport"')
        assert not site.provider.received
        assert await site.rows("model, actor, status, reason") == [
            ("claude", "alice", "denied", "no_rule_permits"),
            ("gpt", "anonymous", "denied", "credential_invalid"),
            ("claude", "anonymous", "denied", "credential_missing"),
        ]
