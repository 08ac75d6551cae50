"""A remote tool server over Streamable HTTP, in whichever era it and the caller share."""

import asyncio
import contextlib
import itertools
from typing import Any

import msgspec
from msgspec import UNSET

from app.core.clock import Clock
from app.core.errors import EgressError, UpstreamError
from app.core.passage import Passage
from app.mcp import protocol
from app.mcp.oauth import SignInWanted
from app.mcp.protocol import LATEST_OLD, METHOD_NOT_FOUND, MODERN, UNSUPPORTED_VERSION, Wire, envelope
from app.mcp.upstream.exchange import Answered, Exchange, Fields, HttpError
from app.mcp.upstream.guest import settled_here
from app.mcp.upstream.ports import (
    Caller,
    Description,
    Introduction,
    Line,
    Outgoing,
    Relay,
    Reply,
    State,
    Status,
)
from app.mcp.upstream.remote_sessions import RemoteSession, RemoteSessions

_ASK_AGAIN_SECONDS = 300.0
"""How long a server that was found to be of the older era is taken for one."""
_GIVE_UP_SECONDS = 2.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
"""Seconds between two looks at a stream of the server's own."""


class RemoteServer:
    """Modern requests stand alone; the older era gets a session per principal and per session of theirs."""

    def __init__(self, name: str, exchange: Exchange, *, clock: Clock, us: dict[str, Any]) -> None:
        self.name = name
        self.sessions = True
        self._exchange = exchange
        self._clock = clock
        self._us = us
        self._numbers = itertools.count(1)
        self._open = RemoteSessions()
        self._modern = False
        self._asked: float | None = None
        self._refuses_old = False
        self._why = ""
        self._state: State = "unknown"

    def of(self, caller: Caller, method: str) -> "RemoteServer":
        """Itself."""
        return self

    def place(self, caller: Caller) -> str:
        """It may show each principal something else, and something else in each era."""
        return f"{caller.era} {caller.principal}"

    @property
    def changes(self) -> int:
        """Nothing is heard between calls."""
        return 0

    async def run(self) -> None:
        """Nothing goes on in the background; at the end the connections are closed."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._exchange.aclose()

    def renew(self) -> None:
        """Sessions that were opened with the secrets before are not used again."""
        self._open = RemoteSessions()

    def state(self) -> Status:
        """What the last call met."""
        return Status(state=self._state, why=self._why)

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """Ask it; in the older era that opens the caller's session."""
        try:
            found = await self._described(passage, caller)
        except SignInWanted:
            raise  # of this caller: the server is well
        except (UpstreamError, EgressError) as error:
            self._state, self._why = "backing off", error.message
            raise
        self._state, self._why = "ready", ""
        return found

    async def _described(self, passage: Passage, caller: Caller) -> Description:
        if (
            await self._speaks_modern(passage, caller)
            and (found := await self._discover(passage)) is not None
        ):
            return found
        try:
            return (await self._session(passage, caller)).description
        except HttpError:
            if self._refuses_old and (found := await self._discover(passage)) is not None:
                return found
            raise

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request in the era that fits."""
        try:
            reply = await self._request(passage, caller, outgoing, relay)
        except SignInWanted:
            raise
        except (UpstreamError, EgressError) as error:
            self._state, self._why = "backing off", error.message
            raise
        self._state, self._why = "ready", ""
        return reply

    async def _request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        if await self._speaks_modern(passage, caller):
            return await self._send_modern(passage, caller, outgoing, relay)
        try:
            session = await self._session(passage, caller)
        except HttpError:
            if self._refuses_old and await self._speaks_modern(passage, caller):
                return await self._send_modern(passage, caller, outgoing, relay)
            raise
        try:
            return await self._send_old(passage, session, outgoing, relay)
        except HttpError as error:
            if error.http_status != 404:
                raise
        self._open.drop(caller)  # it forgot the session: once more with a new one
        return await self._send_old(passage, await self._session(passage, caller), outgoing, relay)

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """Follow the server's own stream in the caller's session, again after each end; a server may have none."""
        line = caller.line
        if line is None:
            return
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
                if not await self._exchange.hear(passage, fields, heard):
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

    async def _speaks_modern(self, passage: Passage, caller: Caller) -> bool:
        """A caller of the older era is served in it where the server still can: only there it keeps its session."""
        if caller.era == "old" and not self._refuses_old:
            return False
        now = self._clock.monotonic()
        if not self._modern and (self._asked is None or now - self._asked > _ASK_AGAIN_SECONDS):
            await self._discover(passage)
            self._asked = now
        return self._modern

    async def _discover(self, passage: Passage) -> Description | None:
        meta = {envelope.VERSION: MODERN, envelope.CAPABILITIES: {}, envelope.CLIENT_INFO: self._us}
        fields = _modern_fields("server/discover", None)
        try:
            answered = await self._ask(passage, "server/discover", {"_meta": meta}, fields)
            if _wants_modern(answered.wire):  # a server that could not tell from the first request
                answered = await self._ask(passage, "server/discover", {"_meta": meta}, fields)
        except HttpError:
            self._modern = False
            return None
        found = Introduction.read(answered.wire, self.name)
        self._modern = found is not None and MODERN in found.supportedVersions
        return found.description if found is not None and self._modern else None

    async def _session(self, passage: Passage, caller: Caller) -> RemoteSession:
        if (found := self._open.find(caller)) is not None:
            return found
        async with self._open.slot(caller) as slot:
            if slot.session is None:
                slot.session = await self._initialize(passage, caller)
            return slot.session

    async def _initialize(self, passage: Passage, caller: Caller) -> RemoteSession:
        own = caller.era == "old" and caller.session
        params = {
            "protocolVersion": caller.version if own and caller.version else LATEST_OLD,
            "capabilities": caller.capabilities if own else {},
            "clientInfo": (caller.info if own else None) or self._us,
        }
        try:
            answered = await self._ask(passage, "initialize", params, ())
        except HttpError as error:
            self._refuses_old = error.http_status in (400, 404, 405)
            raise
        found = Introduction.read(answered.wire, self.name)
        if found is None:
            self._refuses_old = True
            raise HttpError(
                f"The tool server {self.name} refused to initialize.", kind="status", http_status=400
            )
        session = RemoteSession(
            id=answered.session, version=found.protocolVersion, description=found.description
        )
        await self._exchange.tell(
            passage, protocol.notification("notifications/initialized", {}), session.fields
        )
        return session

    async def _ask(self, passage: Passage, method: str, params: dict[str, Any], fields: Fields) -> Answered:
        number = next(self._numbers)
        return await self._exchange.ask(passage, number, protocol.request(number, method, params), fields)

    async def _send_modern(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        if (settled := settled_here(outgoing)) is not None:
            return settled
        number = next(self._numbers)
        meta = {
            **outgoing.meta,
            envelope.VERSION: MODERN,
            envelope.CLIENT_INFO: caller.info or self._us,
            envelope.CAPABILITIES: caller.capabilities,
            "traceparent": passage.trace.traceparent,
        }
        params = {**outgoing.params, "_meta": _with_token(meta, outgoing, number)}
        key = envelope.named_by(outgoing.method)
        name = _text(outgoing.params.get(key)) if key else None
        fields = (*_modern_fields(outgoing.method, name), *outgoing.headers)
        follow = _Following(outgoing, relay, None)
        body = protocol.request(number, outgoing.method, params)
        answered = await self._exchange.ask(passage, number, body, fields, follow)
        return _reply(answered.wire, modern=True)

    async def _send_old(
        self, passage: Passage, session: RemoteSession, outgoing: Outgoing, relay: Relay
    ) -> Reply:
        number = next(self._numbers)
        meta = _with_token(dict(outgoing.meta), outgoing, number)
        params = {**outgoing.params, "_meta": meta} if meta else outgoing.params

        async def respond(body: bytes) -> None:
            await self._exchange.tell(passage, body, session.fields)

        follow = _Following(outgoing, relay, respond)
        body = protocol.request(number, outgoing.method, params)
        try:
            answered = await self._exchange.ask(passage, number, body, session.fields, follow)
        except asyncio.CancelledError:
            cancel = protocol.notification(
                "notifications/cancelled", {"requestId": number, "reason": "the caller went away"}
            )
            with contextlib.suppress(UpstreamError, EgressError, TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    await respond(cancel)
            raise
        return _reply(answered.wire, modern=False)


class _Supported(msgspec.Struct):
    supported: list[str] = []


class _Refusal(msgspec.Struct):
    code: int = 0
    data: _Supported = msgspec.field(default_factory=_Supported)


class _Following:
    """What the server says while the answer is under way, put to the caller."""

    def __init__(self, outgoing: Outgoing, relay: Relay, respond: Any) -> None:
        self._outgoing = outgoing
        self._relay = relay
        self._respond = respond

    async def __call__(self, wire: Wire, data: bytes) -> None:
        if wire.method is UNSET:
            return
        if wire.id is UNSET:
            if wire.method == "notifications/progress":
                if self._outgoing.progress is None or wire.params is UNSET:
                    return
                data = protocol.progress(wire.params, self._outgoing.progress)
            await self._relay.notify(data)
            return
        identifier = bytes(wire.id)
        if self._respond is None:
            return  # the modern era has no requests of servers

        async def respond(body: bytes) -> None:
            await self._respond(protocol.with_id(body, identifier))

        params = wire.params if wire.params is not UNSET else None
        if not await self._relay.ask(wire.method, params, respond):
            message = f"This client cannot be asked for {wire.method[:100]}."
            await self._respond(protocol.error(identifier, METHOD_NOT_FOUND, message))


def _with_token(meta: dict[str, Any], outgoing: Outgoing, number: int) -> dict[str, Any]:
    return {**meta, "progressToken": number} if outgoing.progress is not None else meta


def _wants_modern(wire: Wire) -> bool:
    """Whether a refusal lists the very version that was asked for."""
    if wire.error is UNSET:
        return False
    with contextlib.suppress(msgspec.MsgspecError):
        error = msgspec.json.decode(wire.error, type=_Refusal)
        return error.code == UNSUPPORTED_VERSION and MODERN in error.data.supported
    return False


def _modern_fields(method: str, name: str | None) -> Fields:
    fields = (("mcp-protocol-version", MODERN), ("mcp-method", method))
    return fields if name is None else (*fields, ("mcp-name", envelope.encode_header(name)))


def _text(value: Any) -> str | None:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    return value if isinstance(value, str) else None


def _reply(wire: Wire, *, modern: bool) -> Reply:
    era = "modern" if modern else "old"
    if wire.result is not UNSET:
        return Reply(result=wire.result, era=era)
    return Reply(error=wire.error if wire.error is not UNSET else None, era=era)
