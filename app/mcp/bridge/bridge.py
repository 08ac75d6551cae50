"""Messages of a stdio client carried to a site and back, in their own bytes, in either era of MCP."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, Callable, Coroutine
from typing import Any

import msgspec

from app.core.errors import EgressError, UpstreamError
from app.mcp import protocol
from app.mcp.bridge.link import Link, messages
from app.mcp.protocol import UNAVAILABLE, Message, ProtocolError, envelope
from app.mcp.protocol.envelope import Headers

log = logging.getLogger(__name__)

AT_ONCE = 256
_GOODBYE = 2.0
_GRACE = 1.0
_OPENED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
_AGAIN = b'"sallyport-again"'
Say = Callable[[bytes], Coroutine[Any, Any, None]]


class Bridge:
    """One client. `say` takes what is for it."""

    def __init__(self, *, link: Link, say: Say) -> None:
        self._link = link
        self._say = say
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._session = ""
        self._version = ""
        self._greeting: bytes = b""
        self._greeted = asyncio.Lock()

    async def run(self, lines: AsyncIterable[bytes]) -> None:
        """Carry until the client has no more to say; then end what runs, and the session."""
        try:
            async with asyncio.TaskGroup() as group:
                async for line in lines:
                    await self._room.acquire()
                    self._begin(group, line)
                await self._rest()
        finally:
            await self._goodbye()

    async def _rest(self) -> None:
        """A client that closed its end gets what is nearly there; the rest is cancelled."""
        running = set(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=_GRACE)
            for task in late:
                task.cancel()

    def _begin(self, group: asyncio.TaskGroup, line: bytes) -> None:
        try:
            found, _ = protocol.parse(line)
        except ProtocolError as error:
            task = group.create_task(self._say(protocol.error(error.id, error.number, str(error))))
            task.add_done_callback(lambda _: self._room.release())
            return
        if found[0].method == "notifications/cancelled" and self._cancelled(found[0]):
            self._room.release()
            return
        task = group.create_task(self._carry(line, found))
        keys = [message.id for message in found if message.kind == "request" and message.id is not None]
        self._running.update(dict.fromkeys(keys, task))

        def ended(_: asyncio.Task[None]) -> None:
            self._room.release()
            for key in keys:
                if self._running.get(key) is task:
                    del self._running[key]

        task.add_done_callback(ended)

    def _cancelled(self, message: Message) -> bool:
        """Whether closing the stream was the cancellation, as in the modern era; in the older one the message goes on."""
        if self._session:
            return False
        task = self._running.get(msgspec.json.encode(message.params.get("requestId")))
        if task is not None:
            task.cancel()
        return True

    async def _carry(self, line: bytes, found: list[Message]) -> None:
        """One line of the client; every request in it is answered, if need be by us."""
        open_ids = {message.id for message in found if message.kind == "request"}
        try:
            await self._exchange(line, found, open_ids)
            problem = "The site ended its answer before it was complete."
        except (UpstreamError, EgressError) as error:
            problem = str(error)
        except msgspec.MsgspecError as error:
            problem = f"The site sent what cannot be read: {error}."
        for identifier in open_ids:
            await self._say(protocol.error(identifier, UNAVAILABLE, problem, {"reason": "bridge"}))
        if found[0].kind != "request" and problem and not open_ids:
            log.debug("a notification was not taken: %s", problem)

    async def _exchange(self, line: bytes, found: list[Message], open_ids: set[bytes | None]) -> None:
        first, session = found[0], self._session
        if first.method == "initialize":
            self._greeting, self._session, self._version = line, "", ""
        lost = await self._post(line, first, open_ids)
        if lost and session and first.method != "initialize":
            await self._greet_again(session)
            await self._post(line, first, open_ids, last=True)

    async def _post(
        self, line: bytes, message: Message, open_ids: set[bytes | None], *, last: bool = False
    ) -> bool:
        """Send and pass on what comes; True when the site has forgotten the session and nothing was passed on."""
        async with self._link.post(line, self._fields(message)) as reply:
            if reply.status == 404 and self._session and not last and message.method != "initialize":
                return True
            if message.method == "initialize":
                self._session = reply.header("mcp-session-id")
            async for data in messages(reply):
                self._note(data, open_ids, message)
                await self._say(_addressed(data, message))
        return False

    def _note(self, data: bytes, open_ids: set[bytes | None], message: Message) -> None:
        """Tick off what is answered by this."""
        if data[:1] == b"[":
            for one in msgspec.json.decode(data, type=list[_Answer]):
                open_ids.discard(bytes(one.id))
            return
        answer = msgspec.json.decode(data, type=_Answer)
        if answer.method is not None:
            return
        if message.method == "initialize" and isinstance(answer.result, dict):
            self._version = str(answer.result.get("protocolVersion", ""))
        open_ids.discard(message.id if bytes(answer.id) == b"null" else bytes(answer.id))

    def _fields(self, message: Message) -> list[tuple[str, str]]:
        """The headers that repeat the body, as each era wants them."""
        if envelope.era_of(message, Headers(version=self._version or None)) == "modern" and message.meta:
            fields = [("mcp-protocol-version", str(message.meta.get(envelope.VERSION, protocol.MODERN)))]
            fields.append(("mcp-method", envelope.encode_header(message.method)))
            key = envelope.named_by(message.method)
            if key and isinstance(name := message.params.get(key), str):
                fields.append(("mcp-name", envelope.encode_header(name)))
            return fields
        fields = [("mcp-protocol-version", self._version)] if self._version else []
        return [*fields, ("mcp-session-id", self._session)] if self._session else fields

    async def _greet_again(self, forgotten: str) -> None:
        """The site was started anew: introduce the client once more with its own words."""
        async with self._greeted:
            if self._session != forgotten:
                return
            wire = msgspec.json.decode(self._greeting, type=dict[str, msgspec.Raw])
            again = msgspec.json.encode({**wire, "id": msgspec.Raw(_AGAIN)})
            async with self._link.post(again, ()) as reply:
                self._session = reply.header("mcp-session-id")
                async for data in messages(reply):
                    answer = msgspec.json.decode(data, type=_Answer)
                    if answer.method is None and not isinstance(answer.result, dict):
                        raise UpstreamError("The site does not take this client again.", kind="protocol")
            async with self._link.post(
                _OPENED, self._fields(Message(method="notifications/initialized"))
            ) as reply:
                await reply.read(65_536)

    async def _goodbye(self) -> None:
        if self._session:
            with contextlib.suppress(UpstreamError, EgressError, TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await self._link.delete([("mcp-session-id", self._session)])
        self._link.close()


class _Answer(msgspec.Struct, frozen=True):
    """The view of a message that says which request it answers."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    method: str | None = None
    result: Any = None


def _addressed(data: bytes, message: Message) -> bytes:
    """The message's own bytes; an error about a request that the site could not name is put under the request's id."""
    if data[:1] == b"[" or message.id is None:
        return data
    wire = protocol.read_wire(data)
    if wire is None or wire.method is not msgspec.UNSET:
        return data
    if wire.id is msgspec.UNSET or bytes(wire.id) == b"null":
        return protocol.with_id(data, message.id)
    return data
