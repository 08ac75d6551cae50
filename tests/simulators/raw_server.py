"""A server that answers each request with exactly the bytes of its script."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

CLOSE = None
"""In a script: end the connection here, without the rest."""
HANG = ...


@dataclass
class RawServer:
    """`script(number, request)` gives the pieces of the answer to the number-th request."""

    script: Callable[[int, bytes], Iterable]
    port: int = 0
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.ended.set()
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.requests.append(head + await reader.readexactly(length))
        self.asked.set()
        for piece in self.script(len(self.requests), self.requests[-1]):
            if piece is CLOSE:
                return False
            if piece is HANG:
                await reader.read()
                return False
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                writer.write(piece)
                await writer.drain()
        return True


@asynccontextmanager
async def raw_server(
    script: Callable[[int, bytes], Iterable], *, tls: SSLContext | None = None
) -> AsyncIterator[RawServer]:
    server = RawServer(script, scheme="https" if tls else "http")
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def answer(body: bytes = b"ok", *, head: str = "HTTP/1.1 200 OK", extra: str = "") -> bytes:
    return f"{head}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body
