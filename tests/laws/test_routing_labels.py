"""Whatever the profile, the failures and the request: no provider without a demanded label is ever connected to."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config import Profile
from app.config.gateway.models import Branch, Health, Model, Place, Provider, When
from app.core.errors import ConfigError
from tests.fix_routing import Gateway, Network

LABELS = ("on-site", "gpu")
SETS = st.sets(st.sampled_from(LABELS)).map(lambda found: tuple(sorted(found)))
HOSTS = range(4)
NAMES = range(4)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
GOOD = b'{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}]}'


def whole(status: str, body: bytes, *extra: str) -> list[bytes]:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *extra, "Retry-After-Ms: 1"))
    return [f"{head}\r\n\r\n".encode(), body]


ANSWERS = st.sampled_from(
    [
        [],
        whole("200 OK", GOOD, "Content-Type: application/json"),
        whole("200 OK", b"<html>", "Content-Type: text/html"),
        whole("400 Bad", b"{}"),
        whole("401 No", b"{}"),
        whole("429 Slow", b"{}", "X-RateLimit-Remaining-Requests: 0", "X-RateLimit-Reset-Requests: 1ms"),
        whole("500 Broken", b"{}"),
        whole("302 There", b"", "Location: http://p0/"),
        [STREAM, b'data: {"error":{}}\n\n'],
        [STREAM, b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'],
        [STREAM, b": wait\n\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
    ]
)
WHEN = st.builds(
    When,
    images=st.sampled_from([None, True, False]),
    stream=st.sampled_from([None, True, False]),
    callers=st.sampled_from([(), ("bob",)]),
    labels=st.sampled_from([(), ("on-site",)]),
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    providers = {
        f"p{host}": Provider(
            dialect="openai", url=f"http://p{host}", labels=draw(SETS), health=Health(failures=1, pause=0.001)
        )
        for host in HOSTS
    }
    return Profile(providers=providers, models={f"m{name}": draw(models(name, providers)) for name in NAMES})


@st.composite
def models(draw: st.DrawFn, name: int, providers: dict[str, Provider]) -> Model:
    requires = draw(SETS)
    fit = [one for one, provider in providers.items() if set(requires) <= set(provider.labels)]
    if not fit:
        requires, fit = (), list(providers)
    places = draw(st.lists(st.builds(place, st.sampled_from(fit), st.integers(0, 2)), min_size=1, max_size=3))
    others = st.sampled_from([f"m{other}" for other in NAMES if other != name])
    return Model(
        targets=tuple(places),
        fallbacks=tuple(draw(st.lists(others, max_size=3))),
        routes=tuple(draw(st.lists(st.builds(Branch, when=WHEN, to=others), max_size=2))),
        aliases=(f"a{name}", f"x{name}*"),
        requires=requires,
        retries=0,
    )


def place(provider: str, weight: int) -> Place:
    return Place(provider=provider, price="local", weight=weight)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes, dict[str, str], set[str]]:
    """The model that is meant, body, headers, and what they and the policy below demand."""
    number, style = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["m{}", "a{}", "x{}-more"]))
    image = [{"type": "image_url", "image_url": {"url": "x"}}]
    content: Any = draw(st.sampled_from(["hello", image]))
    body = {
        "model": style.format(number),
        "stream": draw(st.booleans()),
        "messages": [{"role": "user", "content": content}],
    }
    who, labels = draw(st.sampled_from(["alice", "bob"])), draw(SETS)
    headers = {
        "authorization": f"Bearer sp_{who}",
        **({"x-sallyport-labels": ",".join(labels)} if labels else {}),
    }
    return f"m{number}", json.dumps(body).encode(), headers, {*labels, *(["on-site"] if who == "bob" else [])}


POLICY = {
    "policy": "law",
    "rules": [
        {"id": "all", "effect": "permit", "actions": ["*"]},
        {
            "id": "bob",
            "effect": "permit",
            "actions": ["model.*"],
            "who": {"users": ["bob"]},
            "labels": ["on-site"],
        },
        {"id": "m3", "effect": "permit", "actions": ["model.*"], "models": ["m3"], "labels": ["gpu"]},
    ],
}


async def run(profile: Profile, answers: list[Any], chances: list[float], asked: list[Any]) -> None:
    network = Network(lambda host: answers[int(host[1:])])
    gateway = Gateway(profile, json.dumps(POLICY).encode(), network, chances)
    for model, body, headers, demanded in asked:
        network.connected.clear()
        status, _ = await gateway.ask(body, headers)
        lacking = {
            host: missing
            for host in network.connected
            if (missing := {*demanded, *profile.models[model].requires, *(["gpu"] if model == "m3" else [])}
                - set(profile.providers[host].labels))
        }  # fmt: skip
        assert not lacking
        assert network.connected or status in (400, 429, 503)
    assert all(target.standing.running == 0 and target.turns.taken == 0 for target in gateway.models)
    opened = sum(row.kind == "intent" for row in gateway.records.rows)
    assert opened == sum(row.kind == "outcome" for row in gateway.records.rows) == len(asked)


@pytest.mark.slow
@settings(max_examples=150)
@given(
    profiles(),
    st.lists(ANSWERS, min_size=4, max_size=4),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.lists(requests(), min_size=1, max_size=4),
)
def test_labels_hold_whatever_happens(profile, answers, chances, asked):
    asyncio.run(run(profile, answers, chances, asked))


@given(profiles(), st.sampled_from(LABELS), st.sampled_from(NAMES))
def test_a_profile_whose_own_places_lack_a_label_never_opens(profile, label, number):
    model = profile.models[f"m{number}"]
    off = [one.provider for one in model.targets if label not in profile.providers[one.provider].labels]
    strict = Model(targets=model.targets, requires=(label,))
    spoilt = Profile(providers=profile.providers, models={"m": strict})
    try:
        Gateway(spoilt, json.dumps(POLICY).encode(), Network(lambda _: []), [0.0])
    except ConfigError:
        assert off
    else:
        assert not off
