"""Names, routes, labels and attempts through the front door: who is asked, in which order, and what the record says."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from app.config import Profile
from app.config.gateway.models import Branch, Health, Model, Place, Provider, When
from app.demo.script import Script
from tests.fix_gateway import PROVIDER_KEY, GatewaySite, gateway_site
from tests.fix_server import until
from tests.fix_tools import BOB
from tests.simulators.raw_server import CLOSE, HANG, RawServer, answer, raw_server

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hello there"}], "max_tokens": 50}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
GOOD = answer(
    b'{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"from the other"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":4}}',
    extra="Content-Type: application/json\r\n",
)
TOLD = b'{"error":{"message":"the very words","type":"server_error"}}'


def shaped(models: dict[str, Model], **providers: Provider) -> Callable[[Profile], Profile]:
    """The profile with these models and providers beside its own."""

    def shape(profile: Profile) -> Profile:
        return msgspec.structs.replace(
            profile, models={**profile.models, **models}, providers={**profile.providers, **providers}
        )

    return shape


def raw(server: RawServer, **more: Any) -> Provider:
    return Provider(dialect="openai", url=f"{server.url}/v1", **more)


def at(provider: str, upstream: str = "gpt", **more: Any) -> Place:
    return Place(provider=provider, upstream=upstream, price="simulated", **more)


def two(*, weight: int = 0, **more: Any) -> Model:
    """First the scripted server, then the simulated provider."""
    return Model(targets=(at("raw"), at("oai", weight=weight)), **more)


async def outcomes(site: GatewaySite) -> list[dict[str, Any]]:
    rows = await site.rows("body", table="audit_events WHERE kind = 'outcome' AND action = 'model.invoke'")
    return [row[0].get("details") or {} for row in rows]


def scripted(*pieces: Any) -> Callable[[int, bytes], Sequence[Any]]:
    return lambda _number, _request: pieces


async def test_an_alias_and_a_pattern_reach_their_model_and_lists_show_the_alias(database: str):
    models = {
        "main": Model(provider="oai", upstream="gpt", price="simulated", aliases=("other", "old-*")),
        "claude-*": Model(provider="ant", price="simulated"),
    }
    async with gateway_site(database, shape=shaped(models)) as site:
        for name in ("other", "old-model-7"):
            assert (await site.post(CHAT, {**ASK, "model": name}))[0] == 200
        assert (await site.post(MESSAGES, {**ASK, "model": "claude-unheard-of"}))[0] == 200
        sent = [json.loads(request.body)["model"] for request in site.provider.received]
        assert sent == ["gpt", "gpt", "claude-unheard-of"]
        async with site.session.get(
            f"{site.url}/v1/models", headers={"authorization": "Bearer sp_alice"}
        ) as response:
            listed = {entry["id"] for entry in (await response.json())["data"]}
        assert {"main", "other"} <= listed
        assert not any("*" in name for name in listed)
        assert await site.rows("model, upstream_model, status") == [
            ("other", "gpt", "ok"), ("old-model-7", "gpt", "ok"), ("claude-unheard-of", "claude-unheard-of", "ok"),
        ]  # fmt: skip


RULES = [
    {
        "id": "some",
        "effect": "permit",
        "actions": ["model.*"],
        "models": ["byname", "nick", "open", "route", "gpt"],
    },
    {"id": "never", "effect": "forbid", "actions": ["model.*"], "models": ["banned"]},
]


async def test_nobody_reaches_a_model_by_another_name_than_they_may_use(database: str):
    """An alias needs its model's permit too; what a route leads to needs none, but a forbid holds there."""
    models = {
        "secret": Model(provider="oai", upstream="gpt", price="simulated", aliases=("nick",)),
        "banned": Model(provider="oai", upstream="gpt", price="simulated"),
        "open": Model(provider="oai", upstream="gpt", price="simulated", aliases=("byname", "hidden")),
        "route": Model(fallbacks=("banned", "secret")),
    }
    async with gateway_site(database, shape=shaped(models), rules=RULES) as site:
        answers = {
            name: (await site.post(CHAT, {**ASK, "model": name}))[0]
            for name in ("secret", "nick", "hidden", "banned", "byname", "route")
        }
        assert answers == {
            "secret": 400, "nick": 400, "hidden": 400, "banned": 400, "byname": 200, "route": 200,
        }  # fmt: skip
        assert len(site.provider.received) == 2
        status = dict(await site.rows("model, status"))
        assert (status["nick"], status["secret"], status["route"]) == ("refused", "denied", "ok")
        [*_, last] = await outcomes(site)
        assert [(one["upstream_model"], one["passed_over"]) for one in last["attempts"]] == [
            ("gpt", "Forbidden by rule site/never.")
        ]


async def test_a_route_is_chosen_by_what_the_request_is_like(database: str):
    scripts = {name: Script(text=name) for name in ("gpt-sees", "gpt-long", "gpt-plain")}
    routes = (
        Branch(when=When(images=True), to="gpt-sees"),
        Branch(when=When(longer_than=1000), to="gpt-long"),
        Branch(when=When(callers=("bob",)), to="gpt-long"),
    )
    models = {"auto": Model(provider="oai", upstream="gpt-plain", price="simulated", routes=routes)}
    async with gateway_site(database, scripts=scripts, shape=shaped(models)) as site:
        asked: list[tuple[Any, str]] = [
            ("hello", ""), ([IMAGE], ""), ("x" * 5000, ""), ("hello", BOB),
        ]  # fmt: skip
        said = []
        for content, key in asked:
            body = {"model": "auto", "messages": [{"role": "user", "content": content}]}
            _, answered, _ = await site.post(CHAT, body, **({"key": key} if key else {}))
            said.append(json.loads(answered)["choices"][0]["message"]["content"])
        assert said == ["gpt-plain", "gpt-sees", "gpt-long", "gpt-long"]
        assert await site.rows("upstream_model") == [(one,) for one in said]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_byte_is_followed_by_the_next_place(database: str, stream: bool):
    async with (
        raw_server(
            scripted(answer(TOLD, head="HTTP/1.1 500 No", extra="X-Should-Retry: false\r\n"))
        ) as server,
        gateway_site(database, shape=shaped({"m": two()}, raw=raw(server))) as site,
    ):
        status, body, _ = await site.post(CHAT, {**ASK, "model": "m", "stream": stream})
        assert (status, b"hello there" in body.replace(b'"}}]}\n\n', b"") or stream) == (200, True)
        assert (len(server.requests), len(site.provider.received)) == (1, 1)
        assert await site.rows("status, provider, microdollars > 0") == [("ok", "oai", True)]
        [details] = await outcomes(site)
        [first] = details["attempts"]
        assert (first["provider"], first["upstream_model"], first["ended"]) == ("raw", "gpt", "status 500")


FIRST_EVENTS = {
    "error event": [b'data: {"error":{"message":"overloaded"}}\n\n'],
    "closed": [b'data: {"cho', CLOSE],
    "protocol": [b"data: not json\n\n", HANG],
    "comments": [b": processing\n\n" * 3, CLOSE],
    "timeout": [b": processing\n\n", HANG],
}


@pytest.mark.parametrize("how", FIRST_EVENTS)
async def test_the_head_of_a_stream_is_held_until_its_first_event(database: str, how: str):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    model = Model(targets=(at("raw", timeout=0.5), at("oai", weight=0)), retries=0)
    async with (
        raw_server(scripted(head, *FIRST_EVENTS[how], CLOSE)) as server,
        gateway_site(database, shape=shaped({"m": model}, raw=raw(server))) as site,
    ):
        status, body, _ = await site.post(CHAT, {**ASK, "model": "m", "stream": True})
        assert (status, body.endswith(b"data: [DONE]\n\n"), b"overloaded" in body) == (200, True, False)
        assert len(server.requests) == 1
        [details] = await outcomes(site)
        assert [one["ended"] for one in details["attempts"]] == [how if how != "comments" else "closed"]
        assert await site.rows("status, provider") == [("ok", "oai")]


async def test_after_the_first_byte_nothing_is_tried_again(database: str):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    event = b'data: {"choices":[{"index":0,"delta":{"content":"begun"}}]}\n\n'
    async with (
        raw_server(scripted(head, event, CLOSE)) as server,
        gateway_site(database, shape=shaped({"m": two(retries=3)}, raw=raw(server))) as site,
    ):
        status, body, _ = await site.post(CHAT, {**ASK, "model": "m", "stream": True})
        assert (status, body.count(b"begun"), b"upstream_closed" in body) == (200, 1, True)
        assert (len(server.requests), len(site.provider.received)) == (1, 0)
        assert await site.rows("status, provider, output_tokens > 0") == [("error", "raw", True)]


async def test_the_same_place_is_tried_again_as_it_says_itself(database: str):
    def script(number: int, _request: bytes) -> list:
        if number == 1:
            return [answer(TOLD, head="HTTP/1.1 429 Slow Down", extra="Retry-After-Ms: 40\r\n")]
        return [GOOD]

    model = Model(provider="raw", upstream="gpt", price="simulated", retries=1)
    async with (
        raw_server(script) as server,
        gateway_site(database, shape=shaped({"m": model}, raw=raw(server))) as site,
    ):
        status, body, _ = await site.post(CHAT, {**ASK, "model": "m"})
        assert (status, b"from the other" in body, len(server.requests)) == (200, True, 2)
        assert await site.rows("status, input_tokens, output_tokens") == [("ok", 3, 4)]


@pytest.mark.parametrize(
    ("status", "extra", "requests"),
    [
        ("429 Slow Down", "Retry-After: 3600\r\n", 1),
        ("503 Away", "X-Should-Retry: false\r\n", 1),
        ("500 Broken", "", 3),
        ("400 Bad", "", 1),
        ("404 Nothing", "", 1),
    ],
)
async def test_the_last_word_is_the_providers_own_byte_for_byte(
    database: str, status: str, extra: str, requests: int
):
    gone = Place(provider="gone", upstream="x", price="simulated", weight=0)
    model = Model(targets=(at("raw"), gone), retries=2)
    async with (
        raw_server(scripted(answer(TOLD, head=f"HTTP/1.1 {status}", extra=extra))) as server,
        gateway_site(
            database,
            shape=shaped(
                {"m": model}, raw=raw(server), gone=Provider(dialect="openai", url="http://127.0.0.1:9")
            ),
        ) as site,
    ):
        got, body, _ = await site.post(CHAT, {**ASK, "model": "m"})
        assert (got, body, len(server.requests)) == (int(status[:3]), TOLD, requests)
        assert await site.rows("status, error, microdollars") == [
            ("error", f"The provider answered {got}.", 0)
        ]


async def test_each_attempt_is_translated_for_its_own_provider(database: str):
    """First Anthropic's format, then OpenAI's; a place that cannot carry the request is passed over."""
    model = Model(
        targets=(Place(provider="ant", upstream="claude-down", price="simulated"), at("oai", weight=0)),
        retries=0,
    )
    scripts = {"claude-down": Script(status=529)}
    async with gateway_site(database, scripts=scripts, shape=shaped({"m": model})) as site:
        for path, stream in ((MESSAGES, True), (CHAT, False), (CHAT, True)):
            status, body, _ = await site.post(path, {**ASK, "model": "m", "stream": stream})
            assert (status, b"error" in body) == (200, False)
            assert (b"message_stop" in body) is (path == MESSAGES)
        paths = [request.path for request in site.provider.received]
        assert paths == ["/v1/messages", CHAT] * 3
        status, _, _ = await site.post(CHAT, {**ASK, "model": "m", "logprobs": True})
        assert (status, [request.path for request in site.provider.received][6:]) == (200, [CHAT])
        [*_, last] = await outcomes(site)
        assert "logprobs" in last["attempts"][0]["passed_over"]


async def test_labels_keep_a_call_on_site_whoever_demands_them(database: str):
    """Two providers; the one off the site never sees a byte, though everything points to it."""
    off_site = Place(provider="off", upstream="x", price="simulated", weight=1_000_000)
    models = {
        "mixed": Model(targets=(off_site, at("on", weight=0)), aliases=("m-*",), fallbacks=("away",)),
        "away": Model(targets=(off_site,)),
        "strict": Model(targets=(at("on"),), requires=("on-site",), fallbacks=("away", "mixed")),
        "led": Model(targets=(off_site,), routes=(Branch(when=When(), to="strict"),)),
    }
    rules = [
        {"id": "all", "effect": "permit", "actions": ["*"]},
        {
            "id": "bob",
            "effect": "permit",
            "actions": ["model.*"],
            "who": {"users": ["bob"]},
            "labels": ["on-site"],
        },
    ]
    async with (
        raw_server(scripted(GOOD)) as off,
        raw_server(scripted(answer(TOLD, head="HTTP/1.1 500 No"))) as on,
    ):
        patient = Health(failures=10_000)
        providers = {"off": raw(off), "on": raw(on, labels=("on-site", "gpu"), health=patient)}
        shape = shaped(models, **providers)
        async with gateway_site(database, shape=shape, rules=rules) as site:
            demand = {"x-sallyport-labels": "on-site"}
            for name in ("mixed", "m-x", "strict", "led"):
                for stream in (False, True):
                    body = {**ASK, "model": name, "stream": stream}
                    assert (await site.post(CHAT, body, key=BOB))[1] == TOLD
                    assert (await site.post(CHAT, body, headers=demand))[1] == TOLD
            assert (await site.post(CHAT, {**ASK, "model": "strict"}))[1] == TOLD
            status, body, _ = await site.post(CHAT, {**ASK, "model": "away"}, headers=demand)
            assert (status, json.loads(body)["error"]["code"]) == (400, "no_place_allowed")
            assert (off.requests, off.connections) == ([], 0)
            assert len(on.requests) > 16
            assert (await site.post(CHAT, {**ASK, "model": "mixed"}))[0] == 200  # nobody demands anything
            assert len(off.requests) == 1
            bad = {"x-sallyport-labels": ",".join(map(str, range(99)))}
            assert (await site.post(CHAT, {**ASK, "model": "mixed"}, headers=bad))[0] == 400
            [first, *_] = await outcomes(site)
            assert first["labels"] == ["on-site"]
            assert first["attempts"][0]["passed_over"] == "its provider has no label on-site"


async def test_a_circuit_opens_and_its_calls_go_elsewhere_at_once(database: str):
    health = Health(failures=2, window=600, pause=600)
    models = {
        "m": two(retries=0),
        "alone": Model(provider="raw", upstream="gpt", price="simulated", retries=0),
    }
    async with (
        raw_server(scripted(answer(TOLD, head="HTTP/1.1 500 No"))) as server,
        gateway_site(database, shape=shaped(models, raw=raw(server, health=health))) as site,
    ):
        for _ in range(4):
            assert (await site.post(CHAT, {**ASK, "model": "m"}))[0] == 200
        assert len(server.requests) == 2
        status, body, headers = await site.post(CHAT, {**ASK, "model": "alone"})
        assert (status, json.loads(body)["error"]["code"]) == (503, "upstream_busy")
        assert 0 < int(headers["retry-after"]) <= 600
        assert len(server.requests) == 2


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK", "HTTP/1.1 429 Enough"])
async def test_a_provider_that_has_nothing_left_is_passed_over(database: str, head: str):
    extra = "X-RateLimit-Remaining-Requests: 0\r\nX-RateLimit-Reset-Requests: 1h\r\n"
    models = {"m": two(retries=0), "alone": Model(provider="raw", upstream="gpt", price="simulated")}
    body = GOOD.partition(b"\r\n\r\n")[2]
    async with (
        raw_server(
            scripted(answer(body, head=head, extra=f"Content-Type: application/json\r\n{extra}"))
        ) as server,
        gateway_site(database, shape=shaped(models, raw=raw(server))) as site,
    ):
        for _ in range(3):
            assert (await site.post(CHAT, {**ASK, "model": "m"}))[0] == 200
        assert len(server.requests) == 1
        status, _, headers = await site.post(CHAT, {**ASK, "model": "alone"})
        assert (status, 0 < int(headers["retry-after"]) <= 300) == (429, True)


async def test_so_many_calls_at_once_and_no_more(database: str):
    """The model's cap answers 429, the provider's 503; with another place it is used instead."""
    models = {
        "few": Model(provider="raw", upstream="gpt", price="simulated", concurrency=1, wait=0),
        "more": Model(provider="raw", upstream="gpt", price="simulated"),
        "both": two(),
    }
    async with (
        raw_server(scripted(HANG)) as server,
        gateway_site(database, shape=shaped(models, raw=raw(server, concurrency=1, wait=0))) as site,
    ):
        asking = asyncio.ensure_future(site.post(CHAT, {**ASK, "model": "few"}))
        await server.asked.wait()
        status, body, headers = await site.post(CHAT, {**ASK, "model": "few"})
        assert (status, json.loads(body)["error"]["code"]) == (429, "upstream_busy")
        assert int(headers["retry-after"]) >= 1
        status, _, headers = await site.post(CHAT, {**ASK, "model": "more"})
        assert (status, int(headers["retry-after"]) >= 1) == (503, True)
        assert (await site.post(CHAT, {**ASK, "model": "both"}))[0] == 200
        assert len(server.requests) == 1
        asking.cancel()
        await asyncio.wait({asking})
        await asyncio.wait_for(server.ended.wait(), 60)


async def test_a_client_that_leaves_during_a_fallback_ends_it_and_is_billed_once(database: str):
    scripts = {"gpt-late": Script(delay=60)}
    model = Model(targets=(at("raw"), at("oai", "gpt-late", weight=0)), retries=0)
    async with (
        raw_server(scripted(answer(TOLD, head="HTTP/1.1 500 No"))) as server,
        gateway_site(database, scripts=scripts, shape=shaped({"m": model}, raw=raw(server))) as site,
    ):
        asking = asyncio.ensure_future(site.post(CHAT, {**ASK, "model": "m"}))
        await until(lambda: bool(site.provider.running))
        asking.cancel()
        await asyncio.wait_for(site.ended(), 60)
        async with asyncio.timeout(60):
            while await site.rows("status") == [("open",)]:
                await asyncio.sleep(0.02)
        [(status, provider, tokens)] = await site.rows("status, provider, input_tokens")
        body = len(json.dumps({**ASK, "model": "m"}).encode())
        assert (status, provider, tokens) == ("cancelled", "oai", body // 4 + 1)


async def test_what_a_failed_attempt_reported_is_added_once(database: str):
    """A tool use that is never whole: it was held, so nothing was answered when the stream broke."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    event = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}], "usage": usage}
    async with (
        raw_server(scripted(head + b"data: " + json.dumps(event).encode() + b"\n\n", CLOSE)) as server,
        gateway_site(database, shape=shaped({"m": two(retries=0)}, raw=raw(server))) as site,
    ):
        stream = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
        status, body, _ = await site.post(CHAT, {**stream, "model": "m"})
        assert (status, body.endswith(b"[DONE]\n\n"), b"tool_calls" in body) == (200, True, False)
        assert (await site.post(CHAT, {**stream, "model": "alias"}))[0] == 200
        [(got, said), (alone, alone_said)] = await site.rows("input_tokens, output_tokens")
        assert (got - alone, said - alone_said) == (11, 7)
        assert PROVIDER_KEY.encode() not in server.requests[0]
