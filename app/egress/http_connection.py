"""One HTTP/1.1 connection to an upstream (RFC 9112) and the reply that arrives on it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self, cast

import httptools

from app.core.errors import UpstreamError

HEAD_BYTES = 64 * 1024
HEADER_COUNT = 256
BUFFER_HIGH = 256 * 1024
BUFFER_LOW = 64 * 1024
BEAT = b""
"""What iterating a reply yields after `heartbeat` seconds without a byte."""


class Reply:
    """A response whose head has arrived; iterate it, or `read` it whole, inside `async with`."""

    __slots__ = (
        "_buffered", "_chunks", "_connection", "_waiter", "complete", "error", "headers", "sink", "status",
    )  # fmt: skip

    def __init__(self, connection: "HttpConnection") -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.complete = False
        self.sink: Callable[[bytes], bool] | None = None
        """Is shown a piece at the moment it comes, if whoever iterates has nothing else before it; takes it by True.
        It must not raise."""
        self.error: UpstreamError | None = None
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._connection = connection
        self._waiter: asyncio.Future[bool] | None = None

    def header(self, name: str) -> str:
        """The value of the header (`name` in lower case), or the empty string."""
        for key, value in self.headers:
            if key == name:
                return value
        return ""

    async def read(self, cap: int) -> bytes:
        """The whole body; UpstreamError when it is longer than `cap` bytes."""
        if self.complete and self._buffered <= cap:
            whole = b"".join(self._chunks)
            self._chunks.clear()
            self._buffered = 0
            return whole
        parts: list[bytes] = []
        size = 0
        async for chunk in self:
            size += len(chunk)
            if size > cap:
                self.close()
                raise UpstreamError(f"The upstream's answer is longer than {cap} bytes.", kind="too_large")
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self.error is not None:
                raise self.error
            if self.complete:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                beat = await self._waiter
            finally:
                self._waiter = None
            if beat:
                return BEAT
        chunk = self._chunks.popleft()
        if self._chunks:
            chunk = b"".join((chunk, *self._chunks))
            self._chunks.clear()
        self._buffered -= len(chunk)
        if self._buffered <= BUFFER_LOW:
            self._connection.resume(self)
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what has not arrived: an unfinished exchange ends its connection."""
        if not self.complete and self.error is None:
            self._connection.abort(UpstreamError("The call was given up.", kind="closed"))

    def push(self, chunk: bytes) -> bool:
        """Take a piece of the body; whether the sender should pause."""
        if self.sink is not None and not self._chunks:
            waiter = self._waiter
            if waiter is not None and not waiter.done() and self.sink(chunk):
                return False
        self._chunks.append(chunk)
        self._buffered += len(chunk)
        self.wake()
        return self._buffered > BUFFER_HIGH

    def wake(self, *, beat: bool = False) -> None:
        """Let whoever waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(beat)


class HttpConnection(asyncio.Protocol):
    """Sends one request at a time and parses what comes back with llhttp, every limit on."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        timeout: float,
        idle: Callable[["HttpConnection", bool], None],
    ) -> None:
        self._loop = loop
        self._timeout = timeout
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._reply: Reply | None = None
        self._head: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heartbeat = 0.0
        self._last = 0.0
        self._paused = False
        self._head_size = 0
        self._delimited = False
        self._keep = False
        self._ended = False
        self._surplus = False
        self.answered = False
        self.closed = False
        self.idle_since = 0.0

    async def exchange(self, request: bytes, body: bytes, *, heartbeat: float = 0.0) -> Reply:
        """Send and wait for the response's head; cancelling closes the connection."""
        transport = self._transport
        if transport is None or self.closed or self._reply is not None:
            raise UpstreamError("The connection is closed.", kind="closed")
        self._reply = Reply(self)
        self._head = head = self._loop.create_future()
        self._heartbeat = heartbeat
        self._last = self._loop.time()
        self._begin_head()
        self.answered = self._ended = self._surplus = False
        if body:
            transport.writelines((request, body))
        else:
            transport.write(request)
        if self._timer is None or heartbeat:
            self._watch(self._last)
        try:
            return await head
        except asyncio.CancelledError:
            if self._head is head:  # a quick answer may have freed the connection for another call already
                self.abort(UpstreamError("The call was cancelled.", kind="closed"))
            raise

    def abort(self, error: UpstreamError) -> None:
        """End the connection at once; whoever waits gets `error`."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.error = error
            reply.wake()
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
        if not self.closed:
            self.closed = True
            self._idle(self, False)

    def resume(self, reply: Reply) -> None:
        """Read again after the reader has caught up."""
        if self._paused and self._reply is reply and self._transport is not None:
            self._paused = False
            self._last = self._loop.time()
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes that nobody asked for end the connection."""
        if self._reply is None:
            self.abort(UpstreamError("The upstream spoke out of turn.", kind="protocol"))
            return
        self.answered = True
        self._last = self._loop.time()
        if not self._reply.status:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._violation("it switched protocols")
        except httptools.HttpParserError as error:
            self._violation(str(error.__context__ or error))
        if self._ended:
            self._finish(keep=self._keep and not self._surplus)
        elif self._reply is not None and not self._reply.status and self._head_size > 2 * HEAD_BYTES:
            self._violation("its head is too large")

    def connection_lost(self, exc: Exception | None) -> None:
        """A body without a length ends here; anything else unfinished has failed."""
        if self._reply is not None and self._reply.status and not self._delimited and exc is None:
            self._finish(keep=False)
        self.abort(
            UpstreamError("The upstream closed the connection before its answer was complete.", kind="closed")
        )

    # llhttp

    def on_message_begin(self) -> None:
        """A second message for one request is never trusted."""
        if self._ended:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header within the limits; trailers are dropped."""
        reply = self._reply
        if reply is None or reply.status or self._ended:
            return
        self._head_size += len(name) + len(value)
        if self._head_size > 2 * HEAD_BYTES or len(reply.headers) >= HEADER_COUNT:
            raise ValueError("too many headers")
        key = name.decode("latin-1").lower()
        if key in ("content-length", "transfer-encoding"):
            self._delimited = True
        reply.headers.append((key, value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Wake the caller; interim answers (1xx) are passed over."""
        status = self._parser.get_status_code()
        if self._reply is None or status < 200 or self._ended:
            return
        self._delimited = self._delimited or status in (204, 304)
        self._keep = self._parser.should_keep_alive()
        self._reply.status = status
        if self._head is not None and not self._head.done():
            self._head.set_result(self._reply)

    def on_body(self, body: bytes) -> None:
        """Hand a piece to the reader and pause when it lags."""
        if self._reply is None or self._ended or not self._reply.push(body):
            return
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        if self._reply is None or self._ended:
            return
        if self._reply.status:
            self._ended = True
        else:
            self._reply.headers.clear()
            self._begin_head()

    # inner

    def _begin_head(self) -> None:
        self._head_size = 0
        self._delimited = False

    def _violation(self, what: str) -> None:
        self.abort(UpstreamError(f"The upstream broke HTTP: {what}.", kind="protocol"))

    def _finish(self, *, keep: bool) -> None:
        reply, self._reply = self._reply, None
        if reply is None or self._transport is None:
            return
        self._head = None
        reply.complete = True
        reply.wake()
        open_still = not self._transport.is_closing()
        if self._paused and open_still:
            self._transport.resume_reading()
        self._paused = False
        if keep and open_still:
            self.idle_since = self._loop.time()
            self._idle(self, True)
        else:
            self.abort(UpstreamError("The upstream closed the connection.", kind="closed"))

    def _watch(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        step = min(self._heartbeat, self._timeout) if self._heartbeat else self._timeout
        self._timer = self._loop.call_at(max(self._last + step, now + step / 4), self._tick)

    def _tick(self) -> None:
        self._timer = None
        reply, now = self._reply, self._loop.time()
        if reply is None:
            return
        if self._paused:
            self._last = now
        silent = now - self._last
        if silent >= self._timeout:
            self.abort(
                UpstreamError(
                    f"The upstream was silent for {self._timeout:g} seconds.", kind="timeout", status=504
                )
            )
            return
        if self._heartbeat and silent >= self._heartbeat:
            reply.wake(beat=True)
        self._watch(now)
