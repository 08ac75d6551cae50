"""Money through the whole server: budgets that end in mid-stream, alerts, prices that change while it runs."""

import asyncio
import re
import time
from pathlib import Path

import aiohttp
import anthropic
import openai
import psycopg
import pytest

from app.core.call import Resource
from app.core.canonical import canonical
from app.core.ids import uuid7
from app.core.paths import resources
from app.core.usage import Amounts
from app.demo.provider import SimulatedProvider
from app.demo.script import Script
from app.identity.budgets import Share, Wanted
from app.release.manifest import Item, Manifest
from app.release.medium import digest_of
from app.server.first_run import host_call
from app.server.rooms.money import reconcile
from tests.fix_server import Serve, Served, until

HELLO = [{"role": "user", "content": "hello"}]
POLICY = """
policy: test
rules:
  - {id: robots-may, effect: permit, actions: [model.*, tool.use], who: {services: [robot]}}
"""
WORDS = Script(text="one two three four five six seven eight", pace=0.1)


def profile(url: str) -> str:
    return f"""
providers:
  oai: {{dialect: openai, url: "{url}/v1", key: provider-key}}
  ant: {{dialect: anthropic, url: "{url}", key: provider-key}}
models:
  gpt: {{provider: oai, price: simulated}}
  claude: {{provider: ant, price: simulated}}
"""


async def put(server: Served, **wanted: object) -> None:
    call = host_call("admin.budget.set", Resource("budget", "test"))
    async with server.site.admission.admit(call) as passage:
        await server.site.identity.limits.put(passage, Wanted(**wanted))  # pyright: ignore[reportArgumentType]


async def test_a_budget_used_up_in_mid_stream_lets_the_call_end_and_stops_the_next(serve: Serve):
    async with SimulatedProvider(scripts={"gpt": WORDS, "claude": Script()}) as provider:
        server = await serve(profile(provider.url), policy=POLICY)
        key = await server.key()
        await put(server, name="all", subject_kind="everyone", hard=160, period="hour")
        async with (
            openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client,
            anthropic.AsyncAnthropic(base_url=server.url, api_key=key, max_retries=0) as other,
        ):
            stream = await client.chat.completions.create(
                model="gpt",
                messages=HELLO,
                max_tokens=10,
                stream=True,
                stream_options={"include_usage": True},
            )  # pyright: ignore[reportCallIssue, reportArgumentType]
            chunks = aiter(stream)
            await anext(chunks)
            with pytest.raises(anthropic.RateLimitError) as refused:
                await other.messages.create(model="claude", messages=HELLO, max_tokens=10)
            assert refused.value.response.json()["error"]["type"] == "billing_error"
            assert 0 < int(refused.value.response.headers["retry-after"]) <= 3601
            assert refused.value.response.headers["x-should-retry"] == "false"
            assert "all" in refused.value.response.json()["error"]["message"]
            counted = await other.messages.count_tokens(model="claude", messages=HELLO)
            assert counted.input_tokens > 0
            async for _ in chunks:
                pass
            await until(
                lambda: server.select("SELECT 1 FROM ai_requests WHERE model = 'gpt' AND status = 'ok'")
            )
            with pytest.raises(openai.RateLimitError):
                await client.chat.completions.create(model="gpt", messages=HELLO, max_tokens=30)
        [cost] = server.select(
            "SELECT microdollars FROM ai_requests WHERE status = 'ok' AND microdollars > 0"
        )
        [ledger] = server.select("SELECT spent, reserved FROM budget_ledger")
        assert (ledger["spent"], ledger["reserved"]) == (cost["microdollars"], 0)


@pytest.mark.slow
async def test_a_soft_limit_is_an_event_of_the_record_and_stops_nobody(serve: Serve):
    async with SimulatedProvider(scripts={"gpt": Script(), "claude": Script()}) as provider:
        server = await serve(profile(provider.url), policy=POLICY)
        key = await server.key()
        await put(
            server, name="two-calls", subject_kind="service", subject="robot", unit="requests", soft=(2,)
        )
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            for _ in range(3):
                await client.chat.completions.create(model="gpt", messages=HELLO, max_tokens=10)
        await until(lambda: server.select("SELECT 1 FROM audit_events WHERE action = 'budget.alert'"))
        [alert] = server.select("SELECT resource, body FROM audit_events WHERE action = 'budget.alert'")
        assert (alert["resource"], alert["body"]["threshold"], alert["body"]["limit"]) == (
            "two-calls",
            2,
            "soft",
        )


@pytest.mark.slow
async def test_a_call_of_a_client_that_went_away_is_settled_by_an_estimate(serve: Serve):
    async with SimulatedProvider(scripts={"gpt": WORDS, "claude": Script()}) as provider:
        server = await serve(profile(provider.url), policy=POLICY)
        key = await server.key()
        await put(server, name="all", subject_kind="everyone", hard=10**6)
        body = {"model": "gpt", "messages": HELLO, "max_tokens": 10, "stream": True}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{server.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}
            ) as response,
        ):
            await response.content.readany()
            response.close()
        await until(lambda: server.select("SELECT 1 FROM ai_requests WHERE status = 'cancelled'"))
        [row] = server.select(
            "SELECT microdollars, body FROM audit_events WHERE kind = 'outcome' AND status = 'cancelled'"
        )
        assert row["body"]["usage_estimated"] is True
        await until(
            lambda: server.select(
                "SELECT 1 FROM budget_ledger WHERE spent = %s AND reserved = 0", row["microdollars"]
            )
        )


def bundle(folder: Path, number: int, table: str) -> None:
    """A price bundle as it stands once its signatures were verified."""
    place = folder / "bundles" / "prices" / f".{number}"
    place.mkdir(parents=True)
    (place / "prices.yaml").write_text(table)
    size, digest = digest_of(place / "prices.yaml")
    item = Item(path="prices.yaml", bytes=size, sha256=digest)
    manifest = Manifest(name="t", kind="prices", version=str(number), number=number, files=(item,))
    (place / "manifest.json").write_bytes(canonical(manifest))
    place.rename(place.with_name(str(number)))


@pytest.mark.slow
async def test_a_new_price_table_counts_without_a_restart_and_every_cost_can_be_computed_again(
    serve: Serve, tmp_path: Path
):
    async with SimulatedProvider(scripts={"gpt": WORDS, "claude": Script()}) as provider:
        server = await serve(profile(provider.url), policy=POLICY)
        key = await server.key()

        async def ask(model: str = "gpt") -> dict[str, object]:
            async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
                await client.chat.completions.create(model=model, messages=HELLO, max_tokens=10)
            return server.select(
                "SELECT body -> 'price' AS price FROM audit_events WHERE kind = 'outcome' ORDER BY id DESC LIMIT 1"
            )[0]["price"]

        before = await ask()
        running = asyncio.create_task(ask())
        await until(lambda: len(provider.received) == 2)
        bundle(
            tmp_path / "data",
            7,
            "version: seventh\nprices:\n  simulated: {input: 2, output: 7, request: '0.01'}\n",
        )
        await until(lambda: server.select("SELECT 1 FROM audit_events WHERE action = 'prices.change'"))
        assert (await running)["table"] == before["table"]
        after = await ask()
        assert (after["table"], after["rates"]["request"]) == ("seventh", 10**10)  # pyright: ignore[reportArgumentType, reportIndexIssue, reportCallIssue]
        bundle(tmp_path / "data", 8, "version: eighth\nprices:\n  other: {input: 2, output: 7}\n")
        await until(lambda: server.select("SELECT 1 FROM audit_events WHERE action = 'prices.refuse'"))
        assert (await ask("claude"))["table"] == "seventh"
        text = (resources() / "docs" / "auditors" / "money.md").read_text(encoding="utf-8")
        question = re.search(r"```sql\n(.*?);\n```", text, re.DOTALL)
        assert question is not None
        assert server.select(question[1]) == []
        wrong = question[1].replace("recorded <> again", "recorded = again")
        assert len(server.select(wrong)) == 4


@pytest.mark.slow
async def test_what_was_held_back_for_a_call_that_never_began_is_released(serve: Serve):
    server = await serve(policy=POLICY)
    await server.key()
    await put(server, name="all", subject_kind="everyone", hard=10**6)
    budgets, old = server.site.identity.budgets, uuid7(now_us=int((time.time() - 3600) * 1_000_000))
    for call in (old, uuid7(now_us=int(time.time() * 1_000_000))):
        assert (
            await budgets.reserve(call, [Share("all", "", "microdollars")], Amounts(microdollars=50)) is None
        )
    with psycopg.connect(server.database) as conn:
        conn.execute("UPDATE budget_holds SET created = created - interval '1 hour'")
    await reconcile(server.site)
    assert server.select("SELECT spent, reserved FROM budget_ledger") == [{"spent": 0, "reserved": 50}]
