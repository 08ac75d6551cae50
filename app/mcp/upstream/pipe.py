"""One running tool program: JSON-RPC lines over its pipes, many callers at once, ids of our own."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Iterator
from typing import Any

from msgspec import UNSET, Raw

from app.core.clock import Clock
from app.core.errors import UpstreamError
from app.egress.sandbox import Child
from app.mcp import protocol
from app.mcp.protocol import LATEST_OLD, METHOD_NOT_FOUND, MODERN, Era, Wire
from app.mcp.protocol.envelope import CAPABILITIES, CLIENT_INFO, VERSION
from app.mcp.upstream.guest import Guest
from app.mcp.upstream.pending import Item, OpenRequests
from app.mcp.upstream.ports import Description, Introduction, Line, Outgoing, Relay, Reply, Respond
from app.mcp.upstream.rate import Rate
from app.mcp.upstream.wires import member_of, note_of, number_of, reply_of, subscription_of

PROBE_SECONDS = 10.0
"""How long a program may think about `server/discover` before it counts as one of the older era."""
_USELESS_EACH_SECOND, _USELESS_BURST = 200.0, 5000.0
"""Lines that answer nobody: more than this is a program gone wrong."""
_UNREAD = 8 * 1024 * 1024
"""Bytes that may wait for a program to read them; beyond that it is taken for hung."""
_NOTE_BYTES = 64 * 1024
"""Longest progress notification that is passed on."""
_log = logging.getLogger(__name__)
_UPDATED = "notifications/resources/updated"
_BETWEEN_CALLS = frozenset(
    {
        _UPDATED,
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
    }
)
"""What belongs to no call even when one runs."""


class Pipe:
    """The conversation with one process, from its start to its end. `us` is how Sallyport introduces itself.

    A program of one `guest` may ask and tell it anything; of a shared one `lines` hear only that its lists changed.
    """

    def __init__(
        self,
        name: str,
        child: Child,
        *,
        us: dict[str, Any],
        clock: Clock,
        guest: Guest | None = None,
        lines: Collection[Line] = (),
    ) -> None:
        self.name = name
        self.era: Era = "old"
        self.description = Description()
        self.heard = clock.monotonic()
        """When it last said anything."""
        self.used = clock.monotonic()
        """When it was last asked anything by a caller, or answered one."""
        self.announced = 0
        """How often it said that what it offers has changed."""
        self._us = us
        self._clock = clock
        self._useless = Rate(each_second=_USELESS_EACH_SECOND, burst=_USELESS_BURST)
        self._open = OpenRequests()
        self._guest = guest
        self._listeners = lines
        self._in, self._out = child.stdin, child.stdout

    async def greet(self, *, probe: bool) -> None:
        """Find out the era: `server/discover` first, `initialize` where that is unknown."""
        if probe and self._guest is None and await self._discover():
            return
        params = {"protocolVersion": LATEST_OLD, "capabilities": {}, "clientInfo": self._us}
        if self._guest is not None:
            params = self._guest.introduction(self._us)
        found = Introduction.read(await self._ask("initialize", params), self.name)
        if found is None and self._guest is not None and await self._discover():
            return  # it speaks 2026-07-28 only, where questions come as results
        if found is None:
            raise UpstreamError(f"{self.name} refused to initialize.", kind="protocol")
        self.description = found.description
        await self._write(protocol.notification("notifications/initialized", {}))

    async def _discover(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                meta = {VERSION: MODERN, CAPABILITIES: {}, CLIENT_INFO: self._us}
                answer = await self._ask("server/discover", {"_meta": meta})
                found = Introduction.read(answer, self.name)
                if found is None or MODERN not in found.supportedVersions:
                    return False
                self.era, self.description = "modern", found.description
                return True
        return False

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._open.busy

    async def alive(self) -> bool:
        """Whether it answers a question that every server knows, however it answers."""
        method = "ping" if self.era == "old" else "server/discover"
        meta = {VERSION: MODERN, CAPABILITIES: {}, CLIENT_INFO: self._us}
        try:
            await self._ask(method, {} if self.era == "old" else {"_meta": meta})
        except UpstreamError:
            return False
        return True

    async def request(self, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request and wait for its answer; a cancelled wait cancels it at the program."""
        with self._slot(outgoing.method) as (number, queue):
            meta = dict(outgoing.meta)
            if outgoing.progress is not None:
                meta["progressToken"] = number
            params = {**outgoing.params, "_meta": meta} if meta else outgoing.params
            try:
                await self._write(protocol.request(number, outgoing.method, params))
                while True:
                    item = await queue.get()
                    if isinstance(item, UpstreamError):
                        raise item
                    if item.method is UNSET:
                        return reply_of(item, self.era)
                    await self._pass_on(item, outgoing.progress, relay)
            except asyncio.CancelledError:
                cancel = {"requestId": number, "reason": "the caller went away"}
                self._in.write(protocol.notification("notifications/cancelled", cancel) + b"\n")
                raise

    async def _pass_on(self, item: Wire, token: Raw | None, relay: Relay) -> None:
        """What the program says while a call runs."""
        if item.id is not UNSET:
            await self._question(item, relay)
        elif item.method != "notifications/progress":
            await relay.notify(note_of(item))
        elif item.params is not UNSET and token is not None:
            await relay.notify(protocol.progress(item.params, token))

    async def _question(self, item: Wire, relay: Relay) -> None:
        """Put a question to the guest, beside the call it belongs to, else on its line."""
        method, identifier = str(item.method), item.id if item.id is not UNSET else Raw(b"null")
        params = item.params if item.params is not UNSET else None
        respond = self._respond(identifier)
        if not await relay.ask(method, params, respond) and not self._ask_on_line(method, params, respond):
            self._refuse(method, identifier, "This client cannot be asked for it.")

    def _ask_on_line(self, method: str, params: Raw | None, respond: Respond) -> bool:
        line = self._guest.caller.line if self._guest is not None else None
        return line is not None and line.ask(method, params, respond)

    def _respond(self, identifier: Raw) -> Respond:
        async def respond(body: bytes) -> None:
            await self._write(protocol.with_id(body, bytes(identifier)))

        return respond

    async def _ask(self, method: str, params: dict[str, Any]) -> Wire:
        with self._slot() as (number, queue):
            await self._write(protocol.request(number, method, params))
            item = await queue.get()
            if isinstance(item, UpstreamError):
                raise item
            return item

    @contextlib.contextmanager
    def _slot(self, method: str = "") -> Iterator[tuple[int, asyncio.Queue[Item]]]:
        try:
            with self._open.slot(method) as slot:
                yield slot
        finally:
            self.used = self._clock.monotonic()

    async def _write(self, message: bytes) -> None:
        if self._in.transport.get_write_buffer_size() > _UNREAD:
            raise UpstreamError(
                f"The tool server {self.name} does not read its input.", kind="timeout", status=504
            )
        try:
            self._in.write(message + b"\n")
            await self._in.drain()
        except (OSError, RuntimeError):
            raise self.ended() from None

    def ended(self) -> UpstreamError:
        """The error of a call that the end of the program cut off."""
        return UpstreamError(f"The tool server {self.name} ended while it was needed.", kind="closed")

    async def read(self) -> str:
        """Take its messages until it closes its output; then every open call fails. Returns why it ended."""
        try:
            async for line in self._lines():
                self.heard = self._clock.monotonic()
                wire = protocol.read_wire(line)
                useful = wire is not None and self._take(wire)
                if not useful and not self._useless.take(1, now=self.heard):
                    return "it floods its standard output with lines that answer nobody"
                if wire is None and self._useless.level <= 1:
                    _log.warning("mcp %s: a line on standard output is no JSON-RPC message", self.name)
            return "it closed its output"
        except ValueError:
            return "it sent a line longer than the limit"
        finally:
            self._open.end(self.ended())

    async def _lines(self) -> AsyncIterator[bytes]:
        while line := await self._out.readline():
            if line.strip():
                yield line

    def _take(self, wire: Wire) -> bool:
        """Whether anybody had a use for it."""
        if wire.method is UNSET:
            return self._open.deliver(number_of(wire.id), wire, final=True)
        if wire.id is not UNSET:
            return self._asked(wire.method, wire.id, wire)
        if wire.method.endswith("/list_changed"):
            self.announced += 1
        if wire.params is not UNSET and len(bytes(wire.params)) > _NOTE_BYTES:
            return False
        if wire.method == "notifications/progress":
            token = member_of(wire.params, "progressToken") if wire.params is not UNSET else None
            return self._open.deliver(number_of(token), wire, final=False)
        return self._open.deliver(subscription_of(wire), wire, final=False) or self._told(wire)

    def _told(self, wire: Wire) -> bool:
        """A notification that names no request: the guest's, or nobody's but that lists changed."""
        between = wire.method in _BETWEEN_CALLS
        if self._guest is None:
            for line in tuple(self._listeners) if between and wire.method != _UPDATED else ():
                line.notify(note_of(wire))
            return False  # a shared program may say it, but not without end
        line = self._guest.caller.line
        if line is not None and (between or not self._open.calls):
            line.notify(note_of(wire))
            return True
        return bool(self._open.calls) and self._open.deliver(self._open.calls[-1], wire, final=False)

    def _asked(self, method: str, identifier: Raw, wire: Wire) -> bool:
        """A request of the program: for its guest, beside the latest call, else on the guest's line."""
        if self._guest is None or method == "ping":
            self._refuse(method, identifier, "It is not available to a program that serves several callers.")
            return False
        if self._guest.berth and len(self._open.uses) > 1:
            self._refuse(method, identifier, "Several calls run, and it does not say which one asks.")
            return True
        latest = self._open.uses or self._open.calls
        if latest and self._open.deliver(latest[-1], wire, final=False):
            return True
        params = wire.params if wire.params is not UNSET else None
        if not self._ask_on_line(method, params, self._respond(identifier)):
            self._refuse(method, identifier, "Nobody listens who could be asked.")
        return True

    def _refuse(self, method: str, identifier: Raw, why: str) -> None:
        if self._in.transport.get_write_buffer_size() > _UNREAD:
            return  # it asks and does not read answers
        if method == "ping":
            self._in.write(protocol.result(bytes(identifier), b"{}") + b"\n")
            return
        message = f"{method[:100]}: {why}"
        self._in.write(protocol.error(bytes(identifier), METHOD_NOT_FOUND, message) + b"\n")
