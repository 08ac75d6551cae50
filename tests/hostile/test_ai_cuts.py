"""A provider whose connection ends at each byte of its answer: another answers instead, or the client is told."""

import asyncio
import json
from typing import Any

import pytest

from app.config import Profile
from app.config.gateway.models import Health, Model, Place, Provider
from tests.fix_routing import Gateway, Network

POLICY = json.dumps({"policy": "p", "rules": [{"id": "all", "effect": "permit", "actions": ["*"]}]}).encode()
TYPE = b"Content-Type: application/json\r\n"
BODY = b'{"choices":[{"index":0,"message":{"content":"first"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}'
WHOLE = b"HTTP/1.1 200 OK\r\n" + TYPE + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
OTHER = WHOLE.replace(b"first", b"other")
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
DONE = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    return HEAD + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


STREAM = chunked(EVENT % b"one", EVENT % b"two", DONE)
OTHER_STREAM = chunked(EVENT % b"other", DONE)


def gateway(first: bytes, second: bytes) -> Gateway:
    providers = {
        name: Provider(dialect="openai", url=f"http://{name}", health=Health(failures=100_000))
        for name in ("first", "second")
    }
    places = (Place(provider="first", price="local"), Place(provider="second", price="local", weight=0))
    profile = Profile(providers=providers, models={"m": Model(targets=places, retries=0)})
    answers = {"first": [first] if first else [], "second": [second]}
    return Gateway(profile, POLICY, Network(lambda host: answers[host]), [0.0])


async def ask(site: Gateway, *, stream: bool) -> tuple[int, bytes]:
    body = json.dumps({"model": "m", "stream": stream, "messages": []}).encode()
    return await site.ask(body, {"authorization": "Bearer sp_alice"})


def outcome(site: Gateway) -> Any:
    [one] = [row for row in site.records.rows if row.kind == "outcome"]
    return one


@pytest.mark.slow
def test_an_answer_that_is_cut_anywhere_is_given_by_another_provider():
    async def run() -> None:
        for cut in range(len(WHOLE)):
            site = gateway(WHOLE[:cut], OTHER)
            status, body = await ask(site, stream=False)
            assert (status, body) == (200, BODY.replace(b"first", b"other")), cut
            assert (outcome(site).status, outcome(site).body["details"]["provider"]) == ("ok", "second")
        assert (await ask(gateway(WHOLE, OTHER), stream=False))[1] == BODY

    asyncio.run(run())


@pytest.mark.slow
def test_a_stream_that_is_cut_anywhere_never_ends_well_and_is_never_two_in_one():
    begins = STREAM.index(EVENT % b"one") + len(EVENT % b"one")
    said = STREAM.index(b'"stop"')

    async def run() -> None:
        for cut in range(len(STREAM)):
            site = gateway(STREAM[:cut], OTHER_STREAM)
            status, body = await ask(site, stream=True)
            assert status == 200
            if cut < begins:
                assert body == EVENT % b"other" + DONE, cut
                assert outcome(site).body["details"]["provider"] == "second"
            else:
                assert body.startswith(EVENT % b"one"), cut
                assert b"other" not in body
                assert (b"[DONE]" in body) is (outcome(site).status == "ok"), cut
                assert outcome(site).status == "error" or cut > said

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE.replace(b"first", b"\xff\xfe\xfd\xfc\xfb"),
        chunked(EVENT % b"\xff\xfe", DONE),
        WHOLE.replace(TYPE, TYPE + b"Content-Encoding: gzip\r\n"),
        b"HTTP/1.1 500 No\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 307 There\r\nLocation: http://third/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: " + b"x" * 10_000_000 + b"\n\n",
        b"\x00\x01\x02\x03",
    ],
    ids=[
        "utf-8",
        "utf-8 in a stream",
        "gzip",
        "html",
        "redirect",
        "headers",
        "lengths",
        "long line",
        "rubbish",
    ],
)
def test_rubbish_is_followed_by_another_provider_or_told_and_nothing_else_is_connected_to(answer: bytes):
    async def run() -> None:
        for stream in (False, True):
            site = gateway(answer, OTHER_STREAM if stream else OTHER)
            status, body = await ask(site, stream=stream)
            # A redirect and an answer that is too large would be the same anywhere: they are told.
            assert (status == 200 and b"other" in body) or status == 502
            assert b"location" not in body.lower()
            assert outcome(site).status in ("ok", "error")
            assert set(site.network.connected) <= {"first", "second"}

    asyncio.run(run())
