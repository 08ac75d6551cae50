"""A client's connection while it sends plain requests for short endpoints; anything else is handed over to aiohttp.

One request at a time is read, by `read_head`. The bytes of a request that is not plain, or not for a short endpoint,
go to aiohttp as they came, from the first byte of that request, and with them the connection for the rest of its life:
so aiohttp alone refuses, and no byte is read by both.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol, cast

from app.extensions import Answered, Fields, Response
from app.server.listen.quick.exchange import Aimed, QuickRequest, QuickStream, Waiting
from app.server.listen.quick.head import END, HEAD_BYTES, Head, may_become_plain, read_head
from app.server.listen.quick.writing import Heads

log = logging.getLogger(__name__)

_AHEAD_BYTES = 64 * 1024
"""Bytes of requests that were sent before the answer to the one before, until reading waits."""


class Serves(Protocol):
    """The listener."""

    heads: Heads
    body_timeout: float

    def aimed(self, line: bytes) -> Aimed | None:
        """What a request line asks for; None when no short endpoint."""
        ...

    def takes(self, head: Head) -> bool:
        """Whether the host is ours and the body not too large."""
        ...

    async def answered(self, request: QuickRequest, aimed: Aimed) -> Answered:
        """The endpoint's answer, or what its failure is told as; only cancellation is raised."""
        ...

    def remote_of(self, peer: str, fields: Fields) -> str:
        """Who calls."""
        ...

    def hand_over(self, connection: "QuickConnection", data: bytes) -> None:
        """Let aiohttp go on with the connection."""
        ...

    def left(self, connection: "QuickConnection") -> None:
        """The connection is over."""
        ...

    @property
    def draining(self) -> bool:
        """Whether connections end after their answer."""
        ...


class QuickConnection(asyncio.Protocol):
    """Reads plain requests one after another and writes their answers."""

    def __init__(self, listener: Serves, loop: asyncio.AbstractEventLoop, clock: Callable[[], float]) -> None:
        self._listener = listener
        self._loop = loop
        self._clock = clock
        self.transport: asyncio.Transport | None = None
        self.peer = ""
        self.since = clock()
        self.answers = 0
        self.task: asyncio.Task[None] | None = None
        self.writing_paused = False
        self._begun = b""
        self._waiting: Waiting | None = None
        self._ahead: list[bytes] = []
        self._ahead_size = 0
        self._reading_paused = False
        self._drained: asyncio.Future[None] | None = None
        self._stream: QuickStream | None = None
        self._last = False

    @property
    def busy(self) -> bool:
        """Whether a request is being read or answered."""
        return self.task is not None or self._waiting is not None

    @property
    def gone(self) -> bool:
        """Whether nothing can be written any more."""
        return self.transport is None or self.transport.is_closing()

    def close(self) -> None:
        """End the connection once what is written has been sent."""
        if self.transport is not None:
            self.transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away: whoever answers it is cancelled."""
        self.transport = None
        if self._waiting is not None:
            self._waiting.timer.cancel()
            self._waiting = None
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self.task is not None:
            self.task.cancel()
        else:
            self._listener.left(self)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self.writing_paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self.writing_paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, of the rest of its body, or of one that was sent ahead."""
        if self.task is not None:
            self._keep(data)
        elif self._waiting is not None:
            self._more(self._waiting, data)
        else:
            self._read(self._begun + data if self._begun else data)

    # reading

    def _keep(self, data: bytes) -> None:
        self._ahead.append(data)
        self._ahead_size += len(data)
        if self._ahead_size > _AHEAD_BYTES and not self._reading_paused and self.transport is not None:
            self._reading_paused = True
            self.transport.pause_reading()

    def _read(self, data: bytes) -> None:
        """Begin with a request, whose first byte is the first of these."""
        self._begun = b""
        end = data.find(END, 0, HEAD_BYTES)
        if end < 0:
            if may_become_plain(data):
                self._begun = data
            else:
                self._listener.hand_over(self, data)
            return
        body = end + len(END)
        aimed = self._listener.aimed(data[: data.find(b"\r\n")])
        head = read_head(data[:body]) if aimed is not None else None
        if aimed is None or head is None or not self._listener.takes(head):
            self._listener.hand_over(self, data)
            return
        request = QuickRequest(self, aimed, head)
        rest = len(data) - body - head.length
        if rest >= 0:
            request.body = data[body : body + head.length]
            if rest:
                self._keep(data[-rest:])
            self._answer(request)
            return
        timer = self._loop.call_later(self._listener.body_timeout, self._late)
        self._waiting = Waiting(request, timer, [data[body:]], -rest)

    def _more(self, waiting: Waiting, data: bytes) -> None:
        waiting.missing -= len(data)
        if waiting.missing > 0:
            waiting.pieces.append(data)
            return
        if waiting.missing < 0:
            self._keep(data[waiting.missing :])
            data = data[: waiting.missing]
        waiting.pieces.append(data)
        waiting.timer.cancel()
        self._waiting = None
        waiting.request.body = b"".join(waiting.pieces)
        self._answer(waiting.request)

    def _late(self) -> None:
        """The body did not come in time: its endpoint says so, and the connection ends."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._answer(waiting.request)

    # answering

    def _answer(self, request: QuickRequest) -> None:
        self._last = request.head.last or request.body is None
        # Its life is the connection's: whoever went away is not answered, and the listener waits for it at its end.
        self.task = self._loop.create_task(self._answered(request))

    async def _answered(self, request: QuickRequest) -> None:
        try:
            answered = await self._listener.answered(request, request.aimed)
            await self._finish(answered)
        except ConnectionResetError:
            self._last = True
        except Exception:
            log.exception("an answer on %s could not be written", request.path)
            self._last = True
        except asyncio.CancelledError:
            self._last = True
            raise
        finally:
            self.task = self._stream = None
            self.answers += 1
            self.since = self._clock()
            self._next()

    async def _finish(self, answered: Answered) -> None:
        if self.transport is None:
            return
        self._last = self._last or self._listener.draining
        if self._stream is not None:
            if answered is self._stream:
                await self._stream.end()
            else:
                self._last = True  # what had begun cannot be followed by another answer
        elif isinstance(answered, Response):
            now = int(time.time())
            self.transport.write(self._listener.heads.whole(answered, now=now, last=self._last))

    def _next(self) -> None:
        """What was sent ahead, or the end."""
        transport = self.transport
        if transport is None:
            self._listener.left(self)
            return
        if self._last:
            transport.close()
            return
        if self._reading_paused:
            self._reading_paused = False
            transport.resume_reading()
        if self._ahead:
            data, self._ahead, self._ahead_size = b"".join(self._ahead), [], 0
            self._read(data)

    async def begin(self, request: QuickRequest, status: int, headers: dict[str, str]) -> QuickStream:
        """Begin an answer in chunks; its head leaves with the first."""
        if self.gone or self._stream is not None:
            raise ConnectionResetError("The client went away.")
        self._last = self._last or self._listener.draining
        heads = self._listener.heads
        head = heads.streamed(status, headers, now=int(time.time()), last=self._last)
        self._stream = QuickStream(self, head)
        return self._stream

    async def write(self, data: bytes) -> None:
        """Send bytes and wait while the client reads slowly; ConnectionResetError when it is gone."""
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("The client went away.")
        transport.write(data)
        if self.writing_paused:
            await self._drain()

    async def _drain(self) -> None:
        while self.writing_paused and self.transport is not None:
            if self._drained is None or self._drained.done():
                self._drained = self._loop.create_future()
            await self._drained
        if self.transport is None:
            raise ConnectionResetError("The client went away.")

    def remote(self, fields: Fields) -> str | None:
        """Who calls: the peer, or whom a declared proxy names."""
        return self._listener.remote_of(self.peer, fields) if self.peer else None
