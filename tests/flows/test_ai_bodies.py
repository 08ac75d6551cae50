"""Bodies as clients compress them, and clients that mean harm or go away: refused or recorded, and nothing hangs."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable

import pytest
from backports import zstd

from app.demo.script import Script
from tests.fix_gateway import GatewaySite, gateway_site

CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello " * 2000}]}
PLAIN = json.dumps(CHAT).encode()
BOMB = 32 << 20
OVER = (2 << 20) + 1
"""Beyond the megabyte that the site of these tests takes."""


def bare(data: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-15)
    return squeezed.compress(data) + squeezed.flush()


def wide(data: bytes) -> bytes:
    """A frame that demands a window of 128 MB."""
    options = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    squeezed = zstd.ZstdCompressor(options=options)
    return squeezed.compress(data) + squeezed.flush()


ENCODED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "zstd": ("zstd", zstd.compress),
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without its head": ("deflate", bare),
}
REFUSED: dict[str, tuple[str, Callable[[], bytes], int, str]] = {
    "another encoding": ("br", lambda: b"\x1f\x8b", 415, "unsupported_encoding"),
    "two encodings": ("gzip, zstd", lambda: gzip.compress(PLAIN), 415, "unsupported_encoding"),
    "half of it": ("zstd", lambda: zstd.compress(PLAIN)[:-5], 400, "invalid_encoding"),
    "something behind it": ("gzip", lambda: gzip.compress(PLAIN) + b"x", 400, "invalid_encoding"),
    "a lie": ("gzip", lambda: PLAIN, 400, "invalid_encoding"),
    "gzip bomb": ("gzip", lambda: gzip.compress(bytes(BOMB), 1), 413, "body_too_large"),
    "zstd bomb": ("zstd", lambda: zstd.compress(bytes(BOMB)), 413, "body_too_large"),
    "a window of 128 MB": ("zstd", lambda: wide(bytes(OVER)), 400, "invalid_encoding"),
}


@pytest.mark.parametrize("how", ENCODED)
async def test_a_compressed_request_travels_on_as_the_text_that_it_is(database: str, how: str):
    encoding, squeeze = ENCODED[how]
    async with gateway_site(database) as site:
        headers = {"content-encoding": encoding}
        status, _, _ = await site.post("/v1/chat/completions", squeeze(PLAIN), headers=headers)
        assert status == 200
        sent = site.provider.received[-1]
        assert sent.body == PLAIN
        assert "content-encoding" not in {name.lower() for name in sent.headers}
        assert await site.rows("status, request->'bytes'") == [("ok", len(PLAIN))]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_bombs_and_broken_encodings_are_refused_in_the_dialect_and_recorded(database: str, path: str):
    async with gateway_site(database) as site:
        for what, (encoding, body, expected, code) in REFUSED.items():
            status, said, _ = await site.post(path, body(), headers={"content-encoding": encoding})
            error = json.loads(said)
            assert (status, error["error"].get("code") or error["code"]) == (expected, code), what
        assert not site.provider.received
        assert await site.rows("status") == [("refused",)] * len(REFUSED)


async def test_a_picture_of_100_megabytes_is_refused_before_it_is_read(database: str):
    async with gateway_site(database) as site:
        reader, writer = await connected(site)
        writer.write(head(100 << 20) + b'{"model":"gpt","messages":[{"role":"user","content":"')
        pushed = 0
        async with asyncio.timeout(60):
            while not reader.at_eof() and pushed < 100:
                try:
                    writer.write(b"A" * (1 << 20))
                    await writer.drain()
                except ConnectionError:
                    break
                pushed += 1
                if reader._buffer:  # the answer is there: a client that listens stops here
                    break
            answer = await reader.read(4096)
        writer.close()
        assert pushed < 100
        assert answer.startswith(b"HTTP/1.1 413")
        assert not site.provider.received
        assert await site.rows("status") == [("refused",)]


async def test_members_that_nobody_knows_travel_on(database: str):
    async with gateway_site(database) as site:
        body = b'{"model":"gpt","messages":[],"of tomorrow":{"\\u00e9":[1.50,null]}}'
        assert (await site.post("/v1/chat/completions", body))[0] == 200
        assert site.provider.received[-1].body == body


GONE = {
    "before its body": (b"", None),
    "in the middle of its body": (PLAIN[:100], None),
    "after it was admitted": (PLAIN, "slow"),
    "in the middle of the stream": (PLAIN, "paced"),
}


@pytest.mark.parametrize("stage", GONE)
async def test_a_client_that_goes_away_leaves_nothing_open(database: str, stage: str):
    sent, model = GONE[stage]
    scripts = {"slow": Script(delay=600), "paced": Script(text="word " * 1000, pace=0.05)}
    async with gateway_site(database, scripts=scripts) as site:
        if model is not None:
            sent = sent.replace(b'"gpt"', f'"{model}", "stream": true'.encode())
        reader, writer = await connected(site)
        writer.write(head(len(sent) if model else len(PLAIN)) + sent)
        await writer.drain()
        if model is not None:
            async with asyncio.timeout(60):
                while not site.provider.running:
                    await asyncio.sleep(0.01)
        if model == "paced":
            assert await reader.read(100)
        writer.transport.abort()
        async with asyncio.timeout(60):
            await site.ended()
            while (rows := await site.rows("status")) != [("cancelled",)] * bool(model):
                assert model is not None, rows
                await asyncio.sleep(0.05)
        assert (await site.post("/v1/chat/completions", CHAT))[0] == 200


def head(length: int) -> bytes:
    """The head of a request of Alice's."""
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sp_alice\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def connected(site: GatewaySite) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
