"""Connections that read plain requests themselves, on real sockets, with and without TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from app.config.schema import Listen, Tls
from app.core.clock import SystemClock
from app.core.errors import InputError
from app.extensions import Answered, Params, Request, Response, Route
from app.server.listen.listener import Listener
from app.server.listen.router import Router
from app.server.listen.tls import certificate_for

LIMIT = 60.0


class Doors:
    """Short endpoints and one of aiohttp's."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.written = 0
        self.lost = asyncio.Event()

    async def echo(self, request: Request, params: Params) -> Answered:
        return Response(body=await request.read(), headers={"x-server": params["server"]})

    async def wait(self, request: Request, params: Params) -> Answered:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        return Response()

    async def flood(self, request: Request, params: Params) -> Answered:
        stream = await request.begin(200, {"content-type": "text/event-stream"})
        self.started.set()
        try:
            while True:
                await stream.write(b"x" * 65536)
                self.written += 1
        finally:
            self.lost.set()

    async def stream(self, request: Request, params: Params) -> Answered:
        stream = await request.begin(200, {"content-type": "text/event-stream"})
        for piece in (b"one", b"", b"two"):
            await stream.write(piece)
        return stream

    async def fail(self, request: Request, params: Params) -> Answered:
        raise InputError("Not like this.", status=400, code="no") if request.query else RuntimeError("a bug")

    async def inject(self, request: Request, params: Params) -> Answered:
        return Response(headers={"x-a": "b\r\nx-c: d"})

    async def long(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        return web.Response(text="aiohttp")

    def router(self) -> Router:
        paths = {"wait": self.wait, "flood": self.flood, "stream": self.stream, "fail": self.fail}
        return Router(
            [
                Route(method="POST", path="/echo/{server}", short=self.echo),
                *(Route(method="POST", path=f"/{name}", short=one) for name, one in paths.items()),
                Route(method="POST", path="/inject", short=self.inject),
                Route(method="GET", path="/livez", endpoint=self.long),
            ]
        )


Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def listening(doors: Doors, tls: Path | None = None, **settings: float) -> AsyncIterator[Pair]:
    """A listener and a connection to it."""
    listen = Listen(address="127.0.0.1:0", **settings)  # type: ignore[arg-type]
    listener = Listener(router=doors.router(), settings=listen, clock=SystemClock(), names=frozenset())
    theirs = ours = None
    if tls is not None:
        names = ["localhost"]
        ours = certificate_for(Tls(), folder=tls, names=names, now=datetime.now(UTC)).context
        theirs = ssl.create_default_context(cafile=tls / "ca.pem")
    server = await listener.open(ours)
    port = server.sockets[0].getsockname()[1]
    host = {"server_hostname": "localhost"} if tls else {}
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=theirs, **host)
    try:
        async with asyncio.timeout(LIMIT):
            yield reader, writer
    finally:
        writer.close()
        server.close()
        await listener.shutdown(1)


def post(path: str, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
    if headers.get("transfer-encoding") == "chunked":
        body = await reader.readuntil(b"0\r\n\r\n")
    else:
        body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


@pytest.mark.parametrize("secure", [False, True])
async def test_a_connection_goes_over_to_aiohttp_and_stays_usable(tmp_path: Path, secure: bool):
    async with listening(Doors(), tmp_path / "tls" if secure else None) as (reader, writer):
        writer.write(post("/echo/a", b"1" * 100_000) + post("/echo/b", b"2"))
        status, headers, body = await answer(reader)
        assert (status, headers["x-server"], body) == (200, "a", b"1" * 100_000)
        assert headers["server"] == "sallyport"
        assert (await answer(reader))[2] == b"2"
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" + post("/echo/c", b"3"))
        assert (await answer(reader))[2] == b"aiohttp"
        assert (await answer(reader))[2] == b"3"
        writer.write(post("/stream", b"{}", "Connection: close"))
        assert (await answer(reader))[2] == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        assert await reader.read() == b""


async def test_a_stream_keeps_its_connection_and_can_be_the_last():
    async with listening(Doors()) as (reader, writer):
        for _ in range(2):
            writer.write(post("/stream"))
            assert (await answer(reader))[2] == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        writer.write(post("/stream", b"{}", "Connection: close"))
        assert (await answer(reader))[1]["connection"] == "close"
        assert await reader.read() == b""


async def test_who_goes_away_is_not_answered_any_more():
    doors = Doors()
    async with listening(doors) as (_, writer):
        writer.write(post("/wait"))
        await doors.started.wait()
        writer.close()
        await doors.cancelled.wait()


async def test_a_slow_reader_holds_the_stream_up_and_its_end_ends_it():
    doors = Doors()
    async with listening(doors) as (_, writer):
        writer.write(post("/flood"))
        await doors.started.wait()
        before = -1
        while before != doors.written:
            before = doors.written
            for _ in range(200):
                await asyncio.sleep(0)
        assert doors.written < 1000
        writer.transport.abort()
        await doors.lost.wait()


async def test_a_body_that_does_not_come_is_408_and_the_end():
    async with listening(Doors(), body_timeout=0.1) as (reader, writer):
        writer.write(post("/echo/a", b"x" * 10)[:-1])
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (408, "close")
        assert await reader.read() == b""


async def test_failures_are_told_and_the_connection_goes_on():
    async with listening(Doors()) as (reader, writer):
        writer.write(post("/fail?why") + post("/fail") + post("/inject") + post("/echo/a"))
        assert (await answer(reader))[0] == 400
        assert (await answer(reader))[0] == 500
        assert await reader.read() == b""  # a header that would break its line ends the connection


async def test_a_larger_body_than_allowed_is_413():
    async with listening(Doors(), max_body_bytes=100) as (reader, writer):
        writer.write(post("/echo/a", b"x" * 101))
        assert (await answer(reader))[0] == 413
