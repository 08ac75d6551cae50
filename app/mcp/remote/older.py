"""A remote server in the older era: a session for each principal and each session of theirs."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from app.core.errors import EgressError, UpstreamError
from app.core.passage import Passage
from app.mcp import protocol
from app.mcp.protocol import LATEST_OLD, METHOD_NOT_FOUND, Wire
from app.mcp.remote.exchange import Exchange, HttpError
from app.mcp.remote.following import Following, reply_of, with_token
from app.mcp.remote.sessions import RemoteSession, RemoteSessions
from app.mcp.upstream.asking import ASKING, answerable, berth
from app.mcp.upstream.ports import Caller, Introduction, Line, Outgoing, Relay, Reply

_GIVE_UP_SECONDS = 2.0
_TAKEN_SECONDS = 0.05
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
"""Seconds between two looks at a stream of the server's own."""


class Older:
    """`refused` as soon as the server would not initialize."""

    def __init__(self, name: str, exchange: Exchange, *, numbers: "itertools.count[int]", us: dict[str, Any]):
        self.refused = False
        self._name = name
        self._exchange = exchange
        self._numbers = numbers
        self._us = us
        self._open = RemoteSessions()
        self._busy: Counter[tuple[str, str]] = Counter()

    def renew(self) -> None:
        """Sessions that were opened before are not used again."""
        self._open = RemoteSessions()

    async def session(self, passage: Passage, caller: Caller) -> RemoteSession:
        """The caller's, opened if it is not open."""
        if (found := self._open.find(caller)) is not None:
            return found
        async with self._open.slot(caller) as slot:
            if slot.session is None:
                slot.session = await self._initialize(passage, caller)
            return slot.session

    async def _initialize(self, passage: Passage, caller: Caller) -> RemoteSession:
        own = bool(caller.session)
        params = {
            "protocolVersion": caller.version
            if caller.era == "old" and own and caller.version
            else LATEST_OLD,
            "capabilities": (caller.capabilities if caller.era == "old" else answerable(caller))
            if own
            else {},
            "clientInfo": (caller.info if own else None) or self._us,
        }
        number = next(self._numbers)
        body = protocol.request(number, "initialize", params)
        try:
            answered = await self._exchange.ask(passage, number, body, ())
        except HttpError as error:
            self.refused = error.http_status in (400, 404, 405)
            raise
        found = Introduction.read(answered.wire, self._name)
        if found is None:
            self.refused = True
            raise HttpError(
                f"The tool server {self._name} refused to initialize.", kind="status", http_status=400
            )
        session = RemoteSession(
            id=answered.session, version=found.protocolVersion, description=found.description
        )
        ready = protocol.notification("notifications/initialized", {})
        await self._exchange.tell(passage, ready, session.fields)
        return session

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request in the caller's session; a session that is forgotten there is opened once more."""
        with self._placed(caller) as placed:
            session = await self.session(passage, placed)
            try:
                return await self._send(passage, placed, session, (outgoing, relay))
            except HttpError as error:
                if error.http_status != 404:
                    raise
            self._open.drop(placed)
            session = await self.session(passage, placed)
            return await self._send(passage, placed, session, (outgoing, relay))

    @contextlib.contextmanager
    def _placed(self, caller: Caller) -> Iterator[Caller]:
        """The caller in a session of its own for this request, if it has none and can be asked."""
        shown = answerable(caller)
        if caller.session or not shown:
            yield caller
            return
        taken = {session for principal, session in self._busy if principal == caller.principal}
        place = (caller.principal, berth(shown, taken))
        self._busy[place] += 1
        try:
            yield msgspec.structs.replace(caller, session=place[1])
        finally:
            del self._busy[place]

    async def _send(
        self, passage: Passage, caller: Caller, session: RemoteSession, what: tuple[Outgoing, Relay]
    ) -> Reply:
        outgoing, relay = what

        async def tell(body: bytes) -> None:
            await self._exchange.tell(passage, body, session.fields)

        follow = Following(outgoing, relay, tell)
        if outgoing.method not in ASKING or caller.era == "old" or not caller.session:
            return await self._sent(passage, caller, session, (outgoing, follow))
        return await self._with_questions(passage, caller, session, (outgoing, follow))

    async def _sent(
        self, passage: Passage, caller: Caller, session: RemoteSession, what: tuple[Outgoing, Following]
    ) -> Reply:
        outgoing, follow = what
        number = next(self._numbers)
        meta = with_token(dict(outgoing.meta), outgoing, number)
        params = {**outgoing.params, "_meta": meta} if meta else outgoing.params
        body = protocol.request(number, outgoing.method, params)
        try:
            answered = await self._exchange.ask(passage, number, body, session.fields, follow)
        except asyncio.CancelledError:
            gone = {"requestId": number, "reason": "the caller went away"}
            with contextlib.suppress(UpstreamError, EgressError, TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    cancel = protocol.notification("notifications/cancelled", gone)
                    await self._exchange.tell(passage, cancel, session.fields)
            raise
        return reply_of(answered.wire, era="old", session=caller.session)

    async def _with_questions(
        self, passage: Passage, caller: Caller, session: RemoteSession, what: tuple[Outgoing, Following]
    ) -> Reply:
        """The same while the session's own stream is heard: some servers ask there, and nothing else runs in it."""
        opened = asyncio.Event()

        async def hear() -> None:
            async def heard(data: bytes, _: str) -> None:
                wire = protocol.read_wire(data)
                if wire is not None:
                    await what[1].question(wire)

            status = 409
            with contextlib.suppress(UpstreamError, EgressError):  # the request says what is wrong with it
                while status == 409:  # the connection of the request before may not be closed there yet
                    status = await self._exchange.hear(passage, session.fields, heard, opened=opened.set)
                    await asyncio.sleep(_TAKEN_SECONDS if status == 409 else 0)
            opened.set()

        async def send() -> Reply | UpstreamError | EgressError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    await opened.wait()
            try:
                return await self._sent(passage, caller, session, what)
            except (UpstreamError, EgressError) as error:
                return error

        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(hear())
            found = await send()
            hearing.cancel()
        if isinstance(found, Reply):
            return found
        raise found

    async def listen(self, passage: Passage, caller: Caller, line: Line) -> None:
        """Follow the server's own stream in the caller's session, again after each end; a server may have none."""
        wait, last = _FIRST_WAIT, ""

        async def heard(data: bytes, identifier: str) -> None:
            nonlocal wait, last
            wait, last = _FIRST_WAIT, identifier
            wire = protocol.read_wire(data)
            if wire is not None:
                await self._heard(passage, session, line, wire, data)

        while True:
            session = await self._open.opened(caller)
            fields = (*session.fields, ("last-event-id", last)) if last else session.fields
            try:
                if await self._exchange.hear(passage, fields, heard) != 200:
                    return
            except (UpstreamError, EgressError):
                pass  # the calls say what is wrong with it
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _heard(
        self, passage: Passage, session: RemoteSession, line: Line, wire: Wire, data: bytes
    ) -> None:
        if wire.method is UNSET:
            return
        if wire.id is UNSET:
            line.notify(data)
            return
        identifier = bytes(wire.id)

        async def respond(body: bytes) -> None:
            await self._exchange.tell(passage, protocol.with_id(body, identifier), session.fields)

        params = wire.params if wire.params is not UNSET else None
        if wire.method == "ping":
            await respond(protocol.result(identifier, b"{}"))
        elif not line.ask(wire.method, params, respond):
            await respond(protocol.error(identifier, METHOD_NOT_FOUND, "Nobody listens who could be asked."))

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """End the caller's session there; a failure changes nothing here."""
        session = self._open.drop(caller)
        if session is not None and session.id:
            with contextlib.suppress(UpstreamError, EgressError, TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    await self._exchange.delete(passage, session.fields)
