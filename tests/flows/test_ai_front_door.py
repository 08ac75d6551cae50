"""AI requests through the whole server: real keys, policies and budgets, a provider behind a private authority."""

from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import anthropic
import openai
import pytest

from app.config.schema import Tls
from app.demo.provider import SimulatedProvider
from app.demo.script import Script, ToolUse
from app.identity.keys import Budget
from app.server.listen.tls import certificate_for
from tests.fix_server import Serve
from tests.simulators.raw_server import answer, raw_server

HELLO = [{"role": "user", "content": "hello"}]
POLICY = """
policy: test
rules:
  - {id: robots-may, effect: permit, actions: [model.*, tool.use], who: {services: [robot]}}
  - {id: no-shell, effect: forbid, actions: [tool.use], tools: [client/shell]}
"""
SHELL = Script(tools=(ToolUse("shell", '{"command": "ls"}'),))


def profile(url: str, more: str = "") -> str:
    return f"""
providers:
  oai: {{dialect: openai, url: "{url}/v1", key: provider-key}}
  ant: {{dialect: anthropic, url: "{url}", key: provider-key}}
models:
  gpt: {{provider: oai, price: simulated}}
  claude: {{provider: ant, price: simulated}}
  claude-shell: {{provider: ant, price: simulated}}
{more}
"""


async def test_one_trace_joins_answer_decision_tools_and_cost(serve: Serve):
    async with SimulatedProvider(scripts={"claude-shell": SHELL}) as provider:
        server = await serve(profile(provider.url), policy=POLICY)
        key = await server.key()
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key=key, max_retries=0) as client:
            said = await client.messages.create(model="claude", messages=HELLO, max_tokens=20)
            assert said.content[0].text == "You said: hello"
            with pytest.raises(anthropic.BadRequestError, match="test/no-shell") as refused:
                await client.messages.create(model="claude-shell", messages=HELLO, max_tokens=20)
        trace = refused.value.response.headers["x-request-id"]
        rows = server.record("trace_id = %s", trace)
        assert [(row["kind"], row["action"], row["actor"]) for row in rows] == [
            ("intent", "model.invoke", "robot"),
            ("denial", "tool.use", "robot"),
            ("outcome", "model.invoke", None),
        ]
        [ok, stopped] = server.select(
            "SELECT model, actor, status, microdollars FROM ai_requests ORDER BY time"
        )
        assert (ok["status"], stopped["status"]) == ("ok", "refused")
        assert ok["microdollars"] > 0


async def test_a_budget_ends_where_it_was_set(serve: Serve):
    async with SimulatedProvider() as provider:
        server = await serve(profile(provider.url), policy=POLICY)
        key = await server.key(budget=Budget(microdollars=700, window="total"))
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            with pytest.raises(openai.RateLimitError):
                for _ in range(50):
                    await client.chat.completions.create(model="gpt", messages=HELLO, max_tokens=100)
        rows = server.select("SELECT status, microdollars FROM ai_requests ORDER BY time")
        assert rows[0]["status"] == "ok"
        assert rows[-1]["status"] == "denied"
        assert 0 < sum(row["microdollars"] for row in rows) <= 700
        assert len(provider.received) == len(rows) - 1


async def test_a_provider_behind_a_private_authority_is_reached_and_an_unknown_one_is_not(
    serve: Serve, tmp_path: Path
):
    body = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
    own = certificate_for(Tls(), folder=tmp_path / "own", names=["127.0.0.1"], now=datetime.now(UTC))
    other = certificate_for(Tls(), folder=tmp_path / "other", names=["127.0.0.1"], now=datetime.now(UTC))
    async with (
        raw_server(lambda _n, _r: [answer(body)], tls=own.context) as good,
        raw_server(lambda _n, _r: [answer(body)], tls=other.context) as bad,
    ):
        more = f"""
  strange: {{provider: strange, price: local}}
egress: {{ca_bundle: {tmp_path}/own/ca.pem, system_trust: false}}
"""
        providers = profile(good.url, more).replace(
            "  oai:", f'  strange: {{dialect: openai, url: "{bad.url}/v1"}}\n  oai:'
        )
        server = await serve(providers, policy=POLICY)
        key = await server.key()
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            said = await client.chat.completions.create(model="gpt", messages=HELLO)
            assert said.choices[0].message.content == "hi"
            with pytest.raises(openai.InternalServerError, match="certificate"):
                await client.chat.completions.create(model="strange", messages=HELLO)
        assert not bad.requests
        rows = server.select("SELECT model, status FROM ai_requests ORDER BY time")
        assert rows == [{"model": "gpt", "status": "ok"}, {"model": "strange", "status": "error"}]


async def test_what_coding_agents_probe_first_is_answered(serve: Serve, http: aiohttp.ClientSession):
    server = await serve(profile("http://127.0.0.1:9"))
    for method in ("HEAD", "GET"):
        async with http.request(method, f"{server.url}/", allow_redirects=False) as response:
            assert response.status < 400
    assert server.record("kind <> 'outcome'") == []
