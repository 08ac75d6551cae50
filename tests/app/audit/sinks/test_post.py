"""Plain HTTP: bodies of each layout, and answers that lie, refuse, redirect, hang or are no HTTP."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from app.audit.sinks.opening import Ways, open_transport
from app.audit.sinks.transports import Transport
from app.config.outward.sinks import Sink
from app.config.schema import Egress
from app.config.secret import Secret
from app.core.clock import SystemClock
from app.core.errors import DeliveryError, EgressError, SallyportError
from app.egress import Connector, Destination, Destinations, Guard
from tests.simulators.authority import Authority
from tests.simulators.collector import Scripted
from tests.simulators.raw_server import HANG, raw_server

ROWS = [b'{"id":"a"}', b'{"id":"b"}']


def opened(sink: Sink, *ports: int) -> Transport:
    destinations = Destinations(Destination(name="sink", host="127.0.0.1", port=port) for port in ports)
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    ways = Ways(connector=connector, egress=Egress(), sign=lambda text: text, clock=SystemClock())
    return open_transport("test", sink, {}, ways=ways)


async def test_layouts_and_headers_arrive() -> None:
    async with Scripted() as collector:
        for layout in ("array", "lines", "bulk"):
            collector.says = lambda body: (200, b'{"errors":false,"items":[{"create":{"status":201}}]}')
            sink = Sink(
                kind="http", url=f"{collector.url}/in?x=1", layout=layout, token=Secret("abc"),
                headers={"DD-API-KEY": Secret("k")},
            )  # fmt: skip
            transport = opened(sink, collector.port)
            await transport.send(ROWS)
            assert await transport.acknowledged(wait=False) == 1
            await transport.aclose()
        assert json.loads(collector.bodies[0]) == [{"id": "a"}, {"id": "b"}]
        assert collector.bodies[1] == b'{"id":"a"}\n{"id":"b"}\n'
        assert collector.headers[0]["authorization"] == "Bearer abc"
        assert collector.headers[0]["dd-api-key"] == "k"
        assert collector.headers[1]["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize(
    ("status", "said", "refused"),
    [
        (200, b'{"errors": true}', False),
        (202, b'{"status": "error", "message": "no"}', False),
        (200, b'{"error": {"code": 1}}', False),
        (400, b"bad row", True),
        (413, b"", True),
        (401, b"who", False),
        (302, b"", False),
        (503, b"later", False),
    ],
)
async def test_an_answer_that_is_not_a_yes_is_a_failure(status: int, said: bytes, refused: bool) -> None:
    async with Scripted() as collector:
        collector.says = lambda body: (status, said)
        transport = opened(Sink(kind="http", url=collector.url), collector.port)
        with pytest.raises(DeliveryError) as caught:
            await transport.send(ROWS)
        assert caught.value.refused is refused
        assert await transport.acknowledged(wait=False) == 0
        await transport.aclose()


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (b'{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429}}]}', False),
        (b'{"errors":true,"items":[{"create":{"status":400}}]}', True),
        (b"<html>", False),
        (b"[]", False),
    ],
)
async def test_bulk_answers_are_judged_document_by_document(said: bytes, refused: bool) -> None:
    async with Scripted() as collector:
        collector.says = lambda body: (200, said)
        transport = opened(Sink(kind="http", url=collector.url, layout="bulk", index="i"), collector.port)
        with pytest.raises(DeliveryError) as caught:
            await transport.send(ROWS)
        assert caught.value.refused is refused
        collector.says = lambda body: (200, b'{"errors":true,"items":[{"create":{"status":409}}]}')
        await transport.send(ROWS)  # a document that is there already is a duplicate
        await transport.aclose()


@pytest.mark.parametrize(
    "script",
    [
        lambda number, request: [b"\x16\x03\x01 not HTTP at all\r\n\r\n"],
        lambda number, request: [b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", b"x" * 5_000_000],
        lambda number, request: [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", None],
        lambda number, request: [HANG],
        lambda number, request: [None],
    ],
)
async def test_garbage_and_silence_are_failures_of_bounded_size_and_time(
    script: Callable[[int, bytes], Iterable[object]],
) -> None:
    async with raw_server(script) as server:
        transport = opened(Sink(kind="http", url=server.url, timeout=0.5), server.port)
        with pytest.raises(SallyportError):
            await transport.send(ROWS)
        assert await transport.acknowledged(wait=False) == 0
        await transport.aclose()


async def test_an_undeclared_place_is_refused_before_a_connection() -> None:
    async with Scripted() as collector:
        transport = opened(Sink(kind="http", url=collector.url))
        with pytest.raises(EgressError):
            await transport.send(ROWS)
        assert collector.requests == 0


async def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    from app.config.outward.sinks import SinkTls

    authority = Authority(tmp_path)
    certificate, key = authority.issue("sallyport")
    async with Scripted(authority.server(clients=True)) as collector:
        tls = SinkTls(ca=str(authority.ca), certificate=str(certificate), key=str(key))
        transport = opened(Sink(kind="http", url=collector.url, tls=tls), collector.port)
        await transport.send(ROWS)
        await transport.aclose()
        bare = opened(Sink(kind="http", url=collector.url, tls=SinkTls(ca=str(authority.ca))), collector.port)
        with pytest.raises(SallyportError):
            await bare.send(ROWS)
        await bare.aclose()
    assert len(collector.bodies) == 1
