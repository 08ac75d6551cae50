"""How models and their providers are, by every door that shows it; and the profile read again while calls run."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.config import Profile, load
from app.core.errors import SallyportError
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import declared
from app.server.host.control import Ask, Told, ask
from app.server.serve import running
from tests.fix_api import Api
from tests.fix_command import Command
from tests.fix_server import Serve, Served, _reachable, until
from tests.simulators.raw_server import RawServer, answer, raw_server

MAY_ALL = """
policy: test
rules:
  - {id: robots, effect: permit, who: {services: [robot]}, actions: ["model.*"]}
"""
CHAT = "/v1/chat/completions"
GOOD = b'{"choices":[{"index":0,"message":{"content":"%s"},"finish_reason":"stop"}]}'


def profile(*servers: RawServer, **more: Any) -> str:
    """Model `m0` at provider `p0`, and so on."""
    numbers = range(len(servers))
    providers = {
        f"p{n}": {"dialect": "openai", "url": servers[n].url, "health": {"failures": 2, "pause": 600}, **more}
        for n in numbers
    }
    models = {f"m{n}": {"provider": f"p{n}", "price": "local", "retries": 0} for n in numbers}
    return json.dumps({"providers": providers, "models": models})


async def told(served: Served, **request: Any) -> Told:
    answered = await ask(served.site.folder, Ask(**request))
    assert answered is not None
    return answered


async def call(http: aiohttp.ClientSession, url: str, key: str, model: str = "m0") -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": model, "messages": []}
    async with http.post(url + CHAT, json=body, headers=headers) as response:
        return response.status, await response.read()


class Flaky:
    """Chat fails while `down`; the list of models names m0."""

    down = True

    def __call__(self, _number: int, request: bytes) -> list[bytes]:
        json_type = "Content-Type: application/json\r\n"
        if request.startswith(b"GET /models"):
            return [answer(b'{"data": [{"id": "m0"}]}', extra=json_type)]
        if self.down:
            return [answer(b"{}", head="HTTP/1.1 500 No")]
        return [answer(GOOD % b"up", extra=json_type)]


@pytest.mark.slow
async def test_a_circuit_is_seen_recorded_and_closed_by_a_look(serve: Serve, http: aiohttp.ClientSession):
    flaky = Flaky()
    async with raw_server(flaky) as server:
        served = await serve(profile(server), policy=MAY_ALL)
        key = await served.key(name="robot")
        assert [(await call(http, served.url, key))[0] for _ in range(3)] == [500, 500, 503]
        [row] = (await told(served, ask="models")).models
        assert (row["state"], row["calls"], row["failures"], row["running"]) == ("open", 2, 2, 0)
        assert (row["why"], row["last_failure"]) == ("its circuit is open", "The provider answered 500.")
        async with http.get(served.url + "/metrics") as response:
            metrics = await response.text()
        assert 'sallyport_model_circuit{model="m0",provider="p0",state="open"} 1.0' in metrics
        assert 'sallyport_model_failures_total{model="m0",provider="p0"} 2.0' in metrics
        flaky.down = False
        [look] = (await told(served, ask="look", name="p0")).looks
        assert (look["ok"], look["found"], look["missing"]) == (True, "it lists 1 models", [])
        assert (await call(http, served.url, key))[0] == 200
        events = "SELECT status, body ->> 'state' AS state FROM audit_events WHERE action = 'model.circuit' ORDER BY id"
        await until(
            lambda: (
                [tuple(one.values()) for one in served.select(events)]
                == [("error", "open"), ("ok", "closed")]
            )
        )
        assert len(served.record("action = 'admin.provider.test' AND kind = 'intent'")) == 1
        with pytest.raises(SallyportError, match="no provider"):
            await told(served, ask="look", name="elsewhere")


@pytest.mark.slow
async def test_providers_are_looked_at_by_the_clock_when_the_profile_says_so(serve: Serve):
    async with raw_server(Flaky()) as server:
        health = {"failures": 2, "pause": 600, "probe": 3600}
        served = await serve(profile(server, health=health))
        outcome = "action = 'admin.provider.test' AND kind = 'outcome'"
        found = f"SELECT body -> 'result' AS result FROM audit_events WHERE {outcome}"
        [row] = await until(lambda: served.select(found))
        assert row["result"]["ok"] is True
        assert server.requests[0].startswith(b"GET /models HTTP/1.1")


@pytest.mark.slow
async def test_the_api_and_the_console_show_models_to_administrators(api: Api):
    listed = await api.ask("GET", "/api/v1/models")
    assert (listed.status, listed.body["items"]) == (200, [])
    assert (await api.ask("GET", "/api/v1/models", who="dora")).status == 403
    missing = await api.ask("POST", "/api/v1/providers/none/test")
    assert (missing.status, missing.body["error"]["code"]) == (404, "not_found")


def test_commands_show_the_profile_and_say_when_nothing_runs(command: Command, database: str, tmp_path: Path):
    path = tmp_path / "profile.yaml"
    models = {
        "main": {
            "targets": [{"provider": "p", "price": "local"}, {"provider": "q", "price": "local", "weight": 0}],
            "aliases": ["m"], "requires": ["on-site"],
        },
        "other": {"fallbacks": ["main"]},
    }  # fmt: skip
    entry = {"dialect": "openai", "url": "http://127.0.0.1:9", "labels": ["on-site"]}
    path.write_text(
        json.dumps({"database": {"url": database}, "providers": {"p": entry, "q": entry}, "models": models})
    )
    site = ["--profile", str(path), "--data", str(tmp_path / "data")]
    done = command("models", "list", "--json", *site)
    assert done.code == 0, done.err
    assert [(row["model"], row["provider"], row["weight"], row["fallbacks"]) for row in json.loads(done.out)] == [
        ("main", "p", 1, []), ("main", "q", 0, []), ("other", "", 0, ["main"]),
    ]  # fmt: skip
    assert command("models", "status", *site).out == "No server runs for this data folder.\n"
    assert command("models", "test", "main", *site).code == 1
    done = command("models", "test", "nothing", *site)
    assert (done.code, "no provider or model" in done.err) == (3, True)


@pytest.mark.slow
async def test_providers_and_models_follow_the_profile_while_calls_run(
    database: str, tmp_path: Path, http: aiohttp.ClientSession
):
    path, release = tmp_path / "profile.yaml", asyncio.Event()

    class Slow:
        def __init__(self, name: bytes) -> None:
            self.name = name

        def __call__(self, number: int, _request: bytes) -> Any:
            body = GOOD % self.name
            whole = answer(body, extra="Content-Type: application/json\r\n")
            yield whole[:-5]
            while self.name == b"old" and number == 2 and not release.is_set():
                yield 0.01
            yield whole[-5:]

    def read() -> Profile:
        return _reachable(load(path, environment={}), database)

    async with raw_server(Slow(b"old")) as old, raw_server(Slow(b"new")) as new:
        path.write_text(profile(old), encoding="utf-8")
        destinations = Destinations(declared(read()))
        connector = Connector(destinations=destinations, guard=Guard(destinations))
        async with running(read(), folder=tmp_path / "data", connector=connector, again=read) as server:
            served = Served(server, database)
            await served.apply(MAY_ALL)
            key = await served.key(name="robot")
            assert b"old" in (await call(http, served.url, key))[1]
            waiting = asyncio.ensure_future(call(http, served.url, key))
            await until(lambda: len(old.requests) == 2)
            path.write_text(profile(new, new), encoding="utf-8")
            done = await told(served, ask="reload")
            assert done.changed == ["providers.p0", "providers.p1", "models.m1"]
            assert (done.waiting, done.opened) == ([], [f"127.0.0.1:{new.port}"])
            assert done.closed == [f"127.0.0.1:{old.port}"]
            for model in ("m0", "m1"):
                assert b"new" in (await call(http, served.url, key, model))[1]
            release.set()
            assert b"old" in (await waiting)[1]
            path.write_text(profile(new).replace('"local"', '"unheard of"'), encoding="utf-8")
            with pytest.raises(SallyportError, match="price table"):
                await told(served, ask="reload")
            assert b"new" in (await call(http, served.url, key, "m1"))[1]
            assert len(old.requests) == 2
