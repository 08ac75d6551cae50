"""A stream on its way to the client: text flows, tool uses wait for their verdict, the end for the record."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from app.core.errors import RecordUnavailableError, SallyportError, UpstreamError
from app.core.passage import Passage
from app.egress.http import BEAT, Reply, end_to_end
from app.extensions import Request, Stream
from app.gateway.dialects import Dialect, Seen, ToolUse, Wire
from app.gateway.dialects.dialect import unreadable
from app.gateway.render import ToolRefusedError, kind_of, returned, trace_headers
from app.gateway.sse import EVENT_LIMIT, Event
from app.gateway.translation import Translation

DRAIN_SECONDS = 1.0
EVENTS = "text/event-stream; charset=utf-8"
EARLY_LIMIT = 64 * 1024
Judge = Callable[[Sequence[ToolUse]], Awaitable[str]]


class FirstError(UpstreamError):
    """The stream began with the provider's own error: nothing was answered yet, so another provider may."""

    def __init__(self, event: bytes) -> None:
        super().__init__("The provider began the stream with an error.", kind="event")
        self.event = event


class Relay:
    """One stream of a provider's `dialect`. `run` answers in the client's one, where it is another one by a
    translation; afterwards `reader.said` tells what passed."""

    def __init__(
        self,
        *,
        passage: Passage,
        dialect: Wire,
        client: Dialect,
        reply: Reply,
        judge: Judge,
        redact: Callable[[bytes], bytes],
        translation: Translation | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        self._begun = begun
        self._early = b""
        self._redact = redact
        self.reader = dialect.reader()
        self._passage = passage
        self._dialect = client
        self._translation = translation
        self._reply = reply
        self._judge = judge
        self._parser = dialect.frames()
        self._left: list[Event] = []
        self._looked: tuple[Event, Seen, bytes] | None = None
        self._broken: SallyportError | None = None
        self._held: list[bytes] = []
        self._held_size = 0
        self._response: Stream | None = None
        self._ended = False

    async def run(self, request: Request, spent: Callable[[], None]) -> Stream:
        """Relay until the end; `spent` notes the usage before the outcome is recorded.

        UpstreamError only while nothing has been answered; later failures are the dialect's in-band error.
        """
        try:
            await self._relay(request, spent)
            if not self._ended:
                await self._without_end(request, spent)
        except ConnectionResetError:
            self._passage.note(status="cancelled", error="The client went away.")
        except SallyportError as error:
            if self._response is None:
                if isinstance(error, ToolRefusedError):
                    self._passage.note(status="refused", error=str(error))
                raise
            await self._fail(error, spent)
        if self._response is None:
            raise UpstreamError("The provider's stream was empty.", kind="protocol")
        return self._response

    @property
    def answered(self) -> bool:
        """Whether the client has got the head of an answer."""
        return self._response is not None

    async def _relay(self, request: Request, spent: Callable[[], None]) -> None:
        async for chunk in self._reply:
            if chunk is BEAT and not self._left and self._broken is None:
                if self._response is not None:
                    await self._response.write(self._dialect.ping)
                continue
            ready: list[bytes] = []
            try:
                for event in self._events(chunk):
                    seen, raw = self._look(event)
                    if event.data is None and self._response is None and not ready:
                        # Comments alone begin no answer: another provider may still give it.
                        self._early += raw if len(self._early) + len(raw) <= EARLY_LIMIT else b""
                        continue
                    if seen is Seen.FLOW and (not self._held or event.data is None):
                        ready.append(raw)
                        continue
                    await self._pass(seen, raw, ready, spent)
                    if self._ended:
                        break
            finally:
                await self._write(request, b"".join(ready))
            if self._ended:
                await self._drain()
                return
            if self._broken is not None:
                raise self._broken

    def _flowed(self, chunk: bytes) -> bool:
        """Pass a piece on at the moment it comes, without waking anybody; False when it must wait for its turn.

        The first event that does more than flow, and what follows it, is left to whoever was waiting.
        """
        stream = self._response
        if stream is None or self._held or not stream.offer(b""):
            return False
        ready: list[bytes] = []
        try:
            events = self._fed(chunk)
            for number, event in enumerate(events):
                seen, raw = self._look(event)
                if seen is not Seen.FLOW:
                    self._left, self._looked = events[number:], (event, seen, raw)
                    break
                ready.append(raw)
        except SallyportError as error:
            self._broken = error
        stream.offer(self._redact(b"".join(ready)))
        if self._left or self._broken is not None:
            self._reply.wake(beat=True)
        return True

    def _events(self, chunk: bytes) -> list[Event]:
        """What is to be looked at: what was left, or what this piece completes."""
        if self._left:
            events, self._left = self._left, []
            return events
        return self._fed(chunk) if self._broken is None else []

    def _fed(self, chunk: bytes) -> list[Event]:
        """The events that a piece completes; what is wrong comes after those before it."""
        events: list[Event] = []
        try:
            events.extend(self._parser.feed(chunk))
        except SallyportError as error:
            self._broken = error
        return events

    def _look(self, event: Event) -> tuple[Seen, bytes]:
        """What an event means, and what of it the client gets; each is looked at once."""
        looked, self._looked = self._looked, None
        if looked is not None and looked[0] is event:
            return looked[1], looked[2]
        return self._seen(event), self._carried(event)

    async def _drain(self) -> None:
        """Take the last bytes of the framing, so that the connection can be used again."""
        if not self._reply.complete:
            with suppress(TimeoutError, UpstreamError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in self._reply:
                        pass

    def _seen(self, event: Event) -> Seen:
        """What the event means; text that is not UTF-8 is a failure of the provider like others."""
        try:
            return self.reader.see(event)
        except UnicodeDecodeError as error:
            raise unreadable(error) from None

    def _carried(self, event: Event) -> bytes:
        """The event as the client gets it: its very bytes, or a translation."""
        if self._translation is None:
            return event.raw
        return self._translation.event(event, self.reader.said.usage, self._passage.trace.trace_id)

    async def _pass(self, seen: Seen, raw: bytes, ready: list[bytes], spent: Callable[[], None]) -> None:
        """Whatever does not simply flow."""
        if seen is Seen.JUDGE:
            await self._release(ready)
        elif seen is Seen.END:
            await self._release(ready)
            await self._settle(spent)
        elif seen is Seen.FAIL:
            if self._response is None and not ready:
                raise FirstError(raw)
            self._held.clear()
            self._passage.note(status="error", error="The provider ended the stream with an error.")
            await self._settle(spent)
        else:
            self._hold(raw)
            return
        ready.append(raw)

    def _hold(self, raw: bytes) -> None:
        self._held.append(raw)
        self._held_size += len(raw)
        if self._held_size > EVENT_LIMIT:
            raise UpstreamError("A tool use in the stream is too large to be judged.", kind="too_large")

    async def _release(self, ready: list[bytes]) -> None:
        """Judge what is open; what was held may then follow in its order."""
        tools = self.reader.take()
        why = await self._judge(tools) if tools else ""
        if why:
            raise ToolRefusedError(why)
        ready.extend(self._held)
        self._held.clear()
        self._held_size = 0

    async def _settle(self, spent: Callable[[], None]) -> None:
        self._ended = True
        self._reply.sink = None
        spent()
        await self._passage.settle()

    async def _without_end(self, request: Request, spent: Callable[[], None]) -> None:
        """The body ended without a last event: fine if the answer had said how it stops."""
        if self._parser.rest.strip() or not self.reader.said.complete:
            raise UpstreamError("The provider's stream broke off.", kind="closed")
        ready: list[bytes] = []
        await self._release(ready)
        if self._translation is not None:
            ready.append(self._translation.ending(self.reader.said.usage))
        await self._settle(spent)
        await self._write(request, b"".join(ready))

    async def _fail(self, error: SallyportError, spent: Callable[[], None]) -> None:
        refused = isinstance(error, ToolRefusedError)
        if not self._passage.settled:
            self._passage.note(status="refused" if refused else "error", error=str(error))
        status, code = kind_of(error)
        with suppress(RecordUnavailableError):  # the client learns of a failure in any case
            await self._settle(spent)
        trace_id = self._passage.trace.trace_id
        event = self._dialect.error_event(status=status, message=str(error), code=code, trace_id=trace_id)
        with suppress(ConnectionResetError):
            if self._response is not None:
                await self._response.write(event)

    async def _write(self, request: Request, data: bytes) -> None:
        if not data:
            return
        response = self._response
        if response is None:
            headers = returned(end_to_end(self._reply.headers)) | trace_headers(self._passage.trace)
            if self._translation is not None:
                headers |= self._translation.headers | {"content-type": EVENTS}
            headers["cache-control"] = "no-cache"
            headers["x-accel-buffering"] = "no"
            headers["server-timing"] = self._passage.server_timing
            self._begun()
            response = self._response = await request.begin(self._reply.status, headers)
            self._reply.sink = self._flowed
            data, self._early = self._early + data, b""
        await response.write(self._redact(data))
