"""The lean upstream client against real sockets and hostile answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.core.call import Call, Resource
from app.core.errors import ConfigError, EgressError, UpstreamError
from app.core.ids import new_trace, uuid7
from app.core.passage import Passage
from app.core.principal import SYSTEM
from app.core.verdict import Decision
from app.egress.http import BEAT, Upstream, end_to_end, parse_origin
from tests.simulators.raw_server import CLOSE, HANG, RawServer, answer, raw_server


class Loopback:
    """Connects to wherever it is told: the tests' own connector."""

    async def connect(self, host, port, protocol, *, tls):
        return await asyncio.get_running_loop().create_connection(protocol, host, port, ssl=tls)


async def _nothing(_passage: Passage) -> None:
    return None


def admitted() -> Passage:
    call = Call(door="test", action="model.invoke", resource=Resource("model", "m"), trace=new_trace())
    decision = Decision(effect="permit", reason="permitted_by_rule", message="")
    gates = (_nothing, lambda *_: True)
    return Passage(id=uuid7(), call=call, principal=SYSTEM, decision=decision, started=0.0, gates=gates)


@asynccontextmanager
async def reaching(server: RawServer, **options) -> AsyncIterator[Upstream]:
    origin = parse_origin("test", f"http://127.0.0.1:{server.port}/base")
    upstream = Upstream(origin=origin, connector=Loopback(), **{"timeout": 5.0, **options})
    try:
        yield upstream
    finally:
        await upstream.aclose()


async def fetch(upstream: Upstream, method: str = "GET", body: bytes = b"", **options) -> tuple[int, bytes]:
    async with await upstream.request(admitted(), method, "/x", (), body, **options) as reply:
        return reply.status, await reply.read(2**20)


async def test_connections_are_reused_and_the_request_is_exact():
    async with raw_server(lambda _n, _r: [answer(b"hello")]) as server, reaching(server) as upstream:
        passage = admitted()
        for _ in range(3):
            async with await upstream.request(passage, "POST", "/y?a=1", [("x-a", "1")], b"{}") as reply:
                assert (reply.status, await reply.read(100)) == (200, b"hello")
        assert server.connections == 1
        expected = (
            f"POST /base/y?a=1 HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nx-a: 1\r\n"
            f"traceparent: {passage.trace.traceparent}\r\ncontent-length: 2\r\n\r\n{{}}"
        )
        assert server.requests == [expected.encode()] * 3


async def test_nothing_leaves_without_a_passage():
    async with raw_server(lambda _n, _r: [answer()]) as server, reaching(server) as upstream:
        with pytest.raises(EgressError):
            await upstream.request(None, "GET", "/x")  # pyright: ignore
        assert server.connections == 0


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", "/a b", "v"),
        ("GET", "/a\r\nx: y", "v"),
        ("GET", "/", "v\r\nx: y"),
        ("GET", "/", "v\0"),
        ("GET", "/", "\u20ac"),
    ],
)
async def test_header_injection_is_refused(method, target, header):
    async with raw_server(lambda _n, _r: [answer()]) as server, reaching(server) as upstream:
        with pytest.raises(UpstreamError) as refused:
            await upstream.request(admitted(), method, target, [("x-a", header)])
        assert refused.value.status == 400
        assert server.requests == []


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", CLOSE], "closed"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", CLOSE], "closed"),
        ([b"HTTP/1.1 200", CLOSE], "closed"),
        ([CLOSE], "closed"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n", HANG], "protocol"),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HANG],
            "protocol",
        ),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", HANG], "protocol"),
        ([b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", HANG], "protocol"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"a" * 300_000 + b"\r\n\r\n", HANG], "protocol"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"a" * 300_000, HANG], "protocol"),
        (
            [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", HANG],
            "protocol",
        ),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", b"a" * 2_000_000, HANG], "too_large"),
        ([b"HTTP/1.1 200 OK\r\n", HANG], "timeout"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HANG], "timeout"),
    ],
)
async def test_a_broken_answer_is_one_typed_error(script, kind):
    async with raw_server(lambda _n, _r: script) as server, reaching(server, timeout=0.3) as upstream:
        with pytest.raises(UpstreamError) as failed:
            await fetch(upstream, "POST", b"{}")
        assert failed.value.kind == kind
        assert len(server.requests) == 1


async def test_a_body_without_length_ends_with_the_connection():
    script = [b"HTTP/1.1 200 OK\r\n\r\n", b"one ", b"two", CLOSE]
    async with raw_server(lambda _n, _r: script) as server, reaching(server) as upstream:
        assert await fetch(upstream) == (200, b"one two")


async def test_interim_answers_are_passed_over():
    script = [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", answer(b"real", extra="X-A: 1\r\n")]
    async with (
        raw_server(lambda _n, _r: script) as server,
        reaching(server) as upstream,
        await upstream.request(admitted(), "GET", "/x") as reply,
    ):
        assert (reply.status, reply.header("x-a"), reply.header("link")) == (200, "1", "")
        assert await reply.read(10) == b"real"


async def test_an_answer_nobody_asked_for_is_never_given_to_the_next_call():
    script = [answer(b"mine") + answer(b"smuggled")]
    async with raw_server(lambda _n, _r: script) as server, reaching(server) as upstream:
        assert [await fetch(upstream) for _ in range(3)] == [(200, b"mine")] * 3
        assert server.connections == 3


async def test_a_stale_connection_is_replaced_when_repeating_is_safe():
    def script(number: int, _request: bytes) -> list:
        return [answer(b"first")] if number == 1 else [CLOSE] if number == 2 else [answer(b"again")]

    async with raw_server(script) as server, reaching(server) as upstream:
        await fetch(upstream)
        assert await fetch(upstream) == (200, b"again")
        assert (len(server.requests), server.connections) == (3, 2)


async def test_a_post_is_not_sent_twice():
    async with (
        raw_server(lambda n, _r: [answer()] if n == 1 else [CLOSE]) as server,
        reaching(server) as upstream,
    ):
        await fetch(upstream)
        with pytest.raises(UpstreamError):
            await fetch(upstream, "POST", b"{}")
        assert len(server.requests) == 2


async def test_cancellation_closes_the_connection():
    script = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HANG]
    async with raw_server(lambda _n, _r: script) as server, reaching(server) as upstream:
        task = asyncio.ensure_future(fetch(upstream))
        await server.asked.wait()
        task.cancel()
        await asyncio.wait([task])
        await asyncio.wait_for(server.ended.wait(), 1)
        assert task.cancelled()


class Megabytes:
    """A body of 50 MB that counts what the server managed to send."""

    sent = 0

    def __iter__(self):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"
        for _ in range(500):
            self.sent += 100_000
            yield b"a" * 100_000


async def test_a_slow_reader_slows_the_upstream():
    body = Megabytes()
    async with (
        raw_server(lambda _n, _r: body) as server,
        reaching(server) as upstream,
        await upstream.request(admitted(), "GET", "/x") as reply,
    ):
        await asyncio.sleep(0.3)
        held = body.sent
        await asyncio.sleep(0.2)
        assert body.sent == held < 20_000_000
        size = 0
        async for chunk in reply:
            size += len(chunk)
        assert size == 50_000_000


async def test_no_more_connections_than_allowed_and_waiting_calls_get_their_turn():
    async with (
        raw_server(lambda _n, _r: [0.02, answer()]) as server,
        reaching(server, connections=2) as upstream,
    ):
        answers = await asyncio.gather(*(fetch(upstream) for _ in range(20)))
        assert answers == [(200, b"ok")] * 20
        assert server.connections == 2


async def test_a_full_pool_is_an_error_after_the_connect_timeout():
    limits = {"connections": 1, "connect_timeout": 0.2}
    async with raw_server(lambda _n, _r: [HANG]) as server, reaching(server, **limits) as upstream:
        first = asyncio.ensure_future(fetch(upstream))
        await asyncio.sleep(0.05)
        with pytest.raises(UpstreamError, match="busy"):
            await fetch(upstream)
        first.cancel()
        await asyncio.wait([first])


async def test_a_cancelled_waiter_does_not_swallow_anothers_turn():
    async with (
        raw_server(lambda _n, _r: [0.05, answer()]) as server,
        reaching(server, connections=1) as upstream,
    ):
        calls = [asyncio.ensure_future(fetch(upstream)) for _ in range(6)]
        await asyncio.sleep(0.02)
        calls[1].cancel()
        calls[3].cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(result, tuple) for result in done] == [True, False, True, False, True, True]


async def test_nobody_there_is_a_connect_error():
    upstream = Upstream(origin=parse_origin("gone", "http://127.0.0.1:1"), connector=Loopback())
    with pytest.raises(UpstreamError) as failed:
        await fetch(upstream)
    assert failed.value.kind == "connect"


async def watch(upstream: Upstream, seen: list[bytes]) -> None:
    async with await upstream.request(admitted(), "GET", "/x", heartbeat=0.1) as reply:
        async for chunk in reply:
            seen.append(chunk)  # noqa: PERF401 - what came before the error counts


async def test_silence_gives_beats_and_then_a_timeout():
    script = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HANG]
    async with raw_server(lambda _n, _r: script) as server, reaching(server, timeout=0.6) as upstream:
        started, seen = time.monotonic(), []
        with pytest.raises(UpstreamError) as failed:
            await watch(upstream, seen)
        assert failed.value.kind == "timeout"
        assert 0.5 < time.monotonic() - started < 30
        assert seen[0] == b"half"
        assert seen.count(BEAT) >= 3


async def test_shutting_down_ends_calls_in_flight():
    async with raw_server(lambda _n, _r: [HANG]) as server, reaching(server) as upstream:
        call = asyncio.ensure_future(fetch(upstream))
        await server.asked.wait()
        await upstream.aclose()
        with pytest.raises(UpstreamError, match="shutting down"):
            await call
        with pytest.raises(UpstreamError, match="shutting down"):
            await fetch(upstream)


def test_hop_by_hop_headers_and_those_named_by_connection_do_not_travel():
    headers = [("connection", "close, X-Secret"), ("x-secret", "1"), ("te", "trailers"), ("x-kept", "2")]
    assert end_to_end(headers) == [("x-kept", "2")]


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://", "http://u:p@h", "http://h?x=1", "h:80", "http://h:99999"]
)
def test_a_base_url_that_cannot_be_used_is_a_config_error(url):
    with pytest.raises(ConfigError):
        parse_origin("x", url)


def test_the_origin_of_a_url():
    origin = parse_origin("x", "https://models.site:8443/v1/")
    assert (origin.authority, origin.path, origin.secure) == ("models.site:8443", "/v1", True)
    assert parse_origin("x", "http://[::1]:80").authority == "[::1]"
