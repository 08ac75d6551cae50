"""Syslog over TCP or TLS (RFC 6587, RFC 5425), as safe as a protocol without answers can be.

Rows count as delivered once the peer's kernel has acknowledged every byte and the connection has then stayed up for
a while: a peer that dies closes it, and what it had not read is sent again.
"""

import asyncio
import fcntl
import ssl
import struct
import termios
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from app.audit.sinks.formats.syslog import frame
from app.core.errors import DeliveryError
from app.egress import Connector

SETTLE_SECONDS = 1.0
_POLL_SECONDS = 0.05


class _Peer(asyncio.Protocol):
    """The connection's state; what the peer says is not listened to."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost = ""
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = str(exc) if exc else "it closed the connection"
        self._may_write.set()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    async def drained(self) -> None:
        """Until there is room in the buffer again, or the connection is lost."""
        await self._may_write.wait()


class StreamTransport:
    """One connection; its marks are the sends that are not acknowledged yet, each with the moment it was flushed."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        connector: Connector,
        tls: Callable[[], ssl.SSLContext] | None,
        timeout: float,
        settle: float = SETTLE_SECONDS,
    ) -> None:
        self._host, self._port = host, port
        self._connector = connector
        self._tls = tls
        self._timeout = timeout
        self._settle = settle
        self._peer: _Peer | None = None
        self._marks: deque[float | None] = deque()

    @property
    def state(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    async def send(self, rows: Sequence[bytes]) -> None:
        """Write the rows, each in its frame."""
        peer = self._peer = self._peer or await self._connect()
        transport = self._alive(peer)
        transport.write(b"".join(map(frame, rows)))
        try:
            async with asyncio.timeout(self._timeout):
                await peer.drained()
        except TimeoutError:
            raise self._silent() from None
        self._alive(peer)
        self._marks.append(None)

    async def acknowledged(self, *, wait: bool) -> int:
        """Sends that have been flushed and settled."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while self._marks and self._peer is not None:
            count = self._settled(self._peer, loop.time())
            if count or not wait:
                return count
            if self._marks[0] is None and loop.time() > deadline:
                raise self._silent()
            await asyncio.sleep(_POLL_SECONDS)
        return 0

    async def probe(self, row: bytes) -> str:
        """Send the row and wait until it counts."""
        await self.send([row])
        await self.acknowledged(wait=True)
        return f"{self._host}:{self._port} took a message"

    async def aclose(self) -> None:
        """Close the connection, without waiting for the peer."""
        self._marks.clear()
        if self._peer is not None and self._peer.transport is not None:
            self._peer.transport.abort()
        self._peer = None

    async def _connect(self) -> _Peer:
        context = self._tls() if self._tls else None
        _, peer = await self._connector.connect(
            self._host, self._port, _Peer, tls=context, timeout=self._timeout
        )
        return peer

    def _alive(self, peer: _Peer) -> asyncio.Transport:
        if peer.lost or peer.transport is None or peer.transport.is_closing():
            raise DeliveryError(f"{self._host}:{self._port} went away: {peer.lost or 'closed'}.")
        return peer.transport

    def _settled(self, peer: _Peer, now: float) -> int:
        transport = self._alive(peer)
        if not transport.get_write_buffer_size() and not _unacknowledged(transport):
            self._marks = deque(now if mark is None else mark for mark in self._marks)
        count = 0
        while self._marks and self._marks[0] is not None and now - self._marks[0] >= self._settle:
            self._marks.popleft()
            count += 1
        return count

    def _silent(self) -> DeliveryError:
        return DeliveryError(
            f"{self._host}:{self._port} took no bytes for {self._timeout:g} s.",
            remedy="See whether it hangs.",
        )


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes in the kernel's send queue, sent or not, that the peer has not acknowledged (tcp(7), SIOCOUTQ)."""
    sock = transport.get_extra_info("socket")
    return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
