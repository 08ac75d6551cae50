"""AI requests of the vendors' own SDKs through the door, in both dialects, ending in the record."""

import json

from app.demo.script import Script
from tests.fix_gateway import PROVIDER_KEY, gateway_site

HELLO = [{"role": "user", "content": "hello there, gateway"}]
SAID = "You said: hello there, gateway"
COLUMNS = "model, actor, decision, status, input_tokens > 0, output_tokens, microdollars > 0"


async def test_openai_sdk_gets_an_answer_and_the_record_has_it(database: str):
    async with gateway_site(database) as site:
        client = site.openai()
        answer = await client.chat.completions.create(model="gpt", messages=HELLO)
        assert answer.choices[0].message.content == SAID
        rows = await site.rows(COLUMNS)
        assert rows == [("gpt", "alice", "permit", "ok", True, answer.usage.completion_tokens, True)]
        [(trace, provider, upstream)] = await site.rows("trace_id, provider, upstream_model")
        assert (provider, upstream) == ("oai", "gpt")
        assert answer._request_id == trace


async def test_openai_sdk_streams_and_reported_usage_is_recorded(database: str):
    async with gateway_site(database) as site:
        stream = await site.openai().chat.completions.create(
            model="gpt", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == SAID
        used = chunks[-1].usage
        rows = await site.rows("status, input_tokens, output_tokens, request ->> 'stream'")
    assert rows == [("ok", used.prompt_tokens, used.completion_tokens, "true")]


async def test_unreported_usage_is_estimated_and_says_so(database: str):
    async with gateway_site(database) as site:
        stream = await site.openai().chat.completions.create(model="gpt", messages=HELLO, stream=True)
        assert [chunk async for chunk in stream]
        rows = await site.rows("body ->> 'usage_estimated', output_tokens", table="audit_events")
    assert rows[-1] == ("true", -(-len(SAID) // 4))


async def test_anthropic_sdk_gets_an_answer_and_the_record_has_it(database: str):
    async with gateway_site(database) as site:
        answer = await site.anthropic().messages.create(model="claude", messages=HELLO, max_tokens=100)
        assert answer.content[0].text == SAID
        rows = await site.rows(COLUMNS)
    assert rows == [("claude", "alice", "permit", "ok", True, answer.usage.output_tokens, True)]


async def test_anthropic_sdk_streams_and_the_record_has_it(database: str):
    async with gateway_site(database) as site:
        async with site.anthropic().messages.stream(model="claude", messages=HELLO, max_tokens=100) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            final = await stream.get_final_message()
        assert text == SAID
        rows = await site.rows(COLUMNS)
    assert rows == [("claude", "alice", "permit", "ok", True, final.usage.output_tokens, True)]


async def test_original_bytes_travel_without_the_clients_credential(database: str):
    body = b'{ "max_tokens":3,"unknown":[1.50, 1e-05, "\\u00e9"],  "model" : "claude","messages":[]}'
    headers = {"anthropic-beta": "a-1,b-2", "anthropic-new": "kept", "cookie": "c=1", "x-api-key": "sp_alice"}
    async with gateway_site(database) as site:
        status, _, _ = await site.post("/v1/messages?beta=true&x=%20%26", body, key="", headers=headers)
        assert status == 200
        seen = site.provider.received[0]
    assert seen.path == "/v1/messages?beta=true&x=%20%26"
    assert seen.body == body
    given = {key.lower(): value for key, value in seen.headers.items()}
    assert given["x-api-key"] == PROVIDER_KEY
    assert (given["anthropic-beta"], given["anthropic-new"]) == ("a-1,b-2", "kept")
    assert "authorization" not in given
    assert "cookie" not in given
    assert "sp_alice" not in json.dumps(seen.headers)


async def test_an_alias_changes_the_model_name_and_nothing_else(database: str):
    body = b'{"tools":[{"model":"alias"}], "model" :\t"alias" ,"messages":[],"x":"\\"model\\":\\"alias\\""}'
    async with gateway_site(database) as site:
        status, _, _ = await site.post("/v1/chat/completions", body)
        assert status == 200
        assert site.provider.received[0].body == body.replace(b'\t"alias"', b'\t"gpt"')
        assert await site.rows("model, upstream_model") == [("alias", "gpt")]


async def test_token_counting_is_free(database: str):
    async with gateway_site(database) as site:
        counted = await site.anthropic().messages.count_tokens(model="claude", messages=HELLO)
        assert counted.input_tokens > 0
        assert await site.rows("status, microdollars") == [("ok", 0)]


async def test_contents_are_kept_only_when_the_profile_says_so(database: str):
    async with gateway_site(database, content="full") as site:
        await site.openai().chat.completions.create(model="gpt", messages=HELLO)
        (arguments,), *_ = await site.rows("body -> 'arguments' -> 'messages'", table="audit_events")
        assert arguments == HELLO
        [(said,)] = await site.rows("response ->> 'text'")
        assert said == SAID


async def test_only_digests_are_kept_by_default(database: str):
    async with gateway_site(database) as site:
        await site.openai().chat.completions.create(model="gpt", messages=HELLO)
        rows = await site.rows("body::text", table="audit_events")
    assert len(rows) == 2
    assert not [text for (text,) in rows if "hello there" in text]


async def test_the_callers_trace_goes_through_to_the_provider(database: str):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    async with gateway_site(database) as site:
        _, _, headers = await site.post(
            "/v1/chat/completions", {"model": "gpt", "messages": HELLO}, headers=parent
        )
        assert headers["traceparent"].split("-")[1] == trace
        assert site.provider.received[0].headers["traceparent"].split("-")[1] == trace
        assert await site.rows("trace_id") == [(trace,)]
        assert "decide;dur=" in headers["server-timing"]


async def test_models_are_listed_in_the_shape_of_the_client(database: str):
    rules = [{"id": "some", "effect": "permit", "actions": ["model.*"], "models": ["*"]}]
    rules.append({"id": "not-alias", "effect": "forbid", "actions": ["model.invoke"], "models": ["*alias"]})
    async with gateway_site(database, rules=rules) as site:
        assert [model.id async for model in site.openai().models.list()] == ["gpt", "claude"]
        listed = [model async for model in site.anthropic().models.list()]
        assert [(model.id, model.display_name) for model in listed] == [
            ("gpt", "gpt"),
            ("claude", "claude"),
        ]
        assert (await site.openai().models.retrieve("gpt")).id == "gpt"
        headers = {"authorization": "Bearer sp_alice"}
        async with site.session.get(f"{site.url}/v1/models?client_version=1", headers=headers) as codex:
            assert await codex.json() == {"models": []}
        rows = await site.rows("action, actor, decision", table="governance_decisions")
    assert set(rows) == {("model.list", "alice", "permit")}
    assert len(rows) == 4


async def test_what_clients_probe_is_answered_and_reaches_nothing(database: str):
    async with gateway_site(database) as site:
        for method, path in (
            ("HEAD", "/api/hello"),
            ("POST", "/api/event_logging/batch"),
        ):
            async with site.session.request(method, site.url + path) as response:
                assert response.status == 200
        assert not site.provider.received


async def test_a_providers_error_comes_back_byte_for_byte(database: str):
    busy = Script(status=429, headers=(("retry-after", "7"), ("x-should-retry", "true")))
    async with gateway_site(database, scripts={"busy": busy, "claude-busy": Script(status=529)}) as site:
        status, body, headers = await site.post("/v1/chat/completions", {"model": "busy", "messages": []})
        assert (status, headers["retry-after"], headers["x-should-retry"]) == (429, "7", "true")
        assert json.loads(body)["error"]["message"] == "simulated rate_limit_error"
        status, body, _ = await site.post("/v1/messages", {"model": "claude-busy", "messages": []})
        assert (status, json.loads(body)["error"]["type"]) == (529, "overloaded_error")
        assert await site.rows("status, error, microdollars") == [
            ("error", "The provider answered 429.", 0),
            ("error", "The provider answered 529.", 0),
        ]
