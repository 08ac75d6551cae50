"""An upstream's answer: how its bytes are cut changes nothing, and rubbish is one typed error."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import UpstreamError
from app.egress.http_connection import HttpConnection

BODIES = st.binary(max_size=60)
CHUNKS = st.lists(st.binary(min_size=1, max_size=20), max_size=5)
HEADERS = st.lists(
    st.sampled_from([b"X-A: 1", b"x-b:", b"Content-Type: text/plain", b"Server:  s "]), max_size=4
)
INTERIM = st.sampled_from(
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"]
)


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        return None

    def resume_reading(self) -> None:
        return None


async def receive(pieces: list[bytes]) -> tuple[int, list[tuple[str, str]], bytes, bool]:
    """Status, headers and body of an answer in these pieces, and whether the connection may be used again."""
    reusable: list[bool] = []
    loop = asyncio.get_running_loop()
    connection = HttpConnection(loop=loop, timeout=5, idle=lambda _c, again: reusable.append(again))
    connection.connection_made(Wire())
    asking = asyncio.ensure_future(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", b""))
    await asyncio.sleep(0)
    for piece in pieces:
        if not connection.closed and not reusable:
            connection.data_received(piece)
    connection.connection_lost(None)
    reply = await asking
    return reply.status, reply.headers, await reply.read(10_000), reusable[0]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(ends)]


@given(INTERIM, HEADERS, BODIES, CHUNKS, st.booleans(), st.lists(st.integers(0, 400), max_size=10))
def test_any_split_gives_the_same_answer(interim, headers, body, chunks, chunked, places):
    if chunked:
        body = b"".join(chunks)
        framing = b"Transfer-Encoding: chunked"
        sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    else:
        framing, sent = b"Content-Length: %d" % len(body), body
    data = interim + b"\r\n".join([b"HTTP/1.1 200 OK", *headers, framing, b"", b""]) + sent
    whole = asyncio.run(receive([data]))
    assert whole == asyncio.run(receive(cut(data, places)))
    status, got, read, reusable = whole
    assert (status, read, reusable) == (200, body, True)
    assert len(got) == len(headers) + 1


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_rubbish_is_a_typed_error(data, places):
    with pytest.raises(UpstreamError):
        asyncio.run(receive(cut(b"HTTP/1.1 \x00" + data, places)))
