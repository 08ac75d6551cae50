"""One POST to a remote tool server and everything that comes back on it (Streamable HTTP)."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import UNSET

from app.core.errors import UpstreamError
from app.core.passage import Passage
from app.egress.http import Upstream as HttpUpstream
from app.egress.http_connection import Reply as HttpReply
from app.mcp import protocol
from app.mcp.oauth import Authorizes, Refusal
from app.mcp.protocol import Wire
from app.mcp.remote.sse import EVENT_LIMIT, EventReader
from app.mcp.upstream.secrecy import Secrecy, nothing_secret

Fields = tuple[tuple[str, str], ...]
"""HTTP header fields, names in lower case."""
Follow = Callable[[Wire, bytes], Awaitable[None]]
"""Takes what comes before the answer: the message and its original bytes."""
_BEAT_SECONDS = 20.0
_TELL_SECONDS = 60.0
_TAKEN_UP = 20
"""How often a stream that ends before its answer is taken up; the call's own time limit ends it as well."""
_FIELDS: Fields = (("content-type", "application/json"), ("accept", "application/json, text/event-stream"))


_UNAUTHORIZED = (401, 403)


class HttpError(UpstreamError):
    """The server answered with an HTTP status instead of a JSON-RPC message."""

    def __init__(self, message: str, *, kind: str, http_status: int) -> None:
        super().__init__(message, kind=kind)
        self.http_status = http_status


class Answered(msgspec.Struct, frozen=True):
    """The JSON-RPC response, and the session id that came in its head."""

    wire: Wire
    session: str


class Exchange:
    """The endpoint of one server. `declared` headers and its secrets go with every request and nowhere else."""

    def __init__(
        self,
        name: str,
        http: HttpUpstream,
        *,
        target: str,
        declared: Fields = (),
        secrecy: Secrecy | None = None,
        bearer: Authorizes | None = None,
    ) -> None:
        self.name = name
        self._bearer = bearer
        self._http = http
        self._target = target
        self._declared = declared
        self._secrecy = secrecy or nothing_secret(name)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(
        self, passage: Passage, number: int, body: bytes, fields: Fields, follow: Follow | None = None
    ) -> Answered:
        """Send a request and return its response; cancelling closes the stream."""
        # Only what we send before a caller's request may be sent twice: a tool may not.
        async with await self._post(passage, body, fields, repeatable=follow is None) as reply:
            if reply.status == 404 and any(name == "mcp-session-id" for name, _ in fields):
                raise self._unusable(404)  # the session is forgotten, whatever the body says
            kind = reply.header("content-type").partition(";")[0].strip().lower()
            if kind == "text/event-stream" and reply.status == 200:
                reader = EventReader()
                wire = await self._follow(reply, reader, number, follow)
                wire = wire or await self._take_up(passage, fields, reader, number, follow)
            elif kind == "application/json":
                wire = protocol.read_wire(await reply.read(EVENT_LIMIT))
            else:
                wire = None
            if wire is not None and (wire.result is not UNSET or wire.error is not UNSET):
                return Answered(wire, reply.header("mcp-session-id"))
            raise self._unusable(reply.status)

    async def hear(
        self,
        passage: Passage,
        fields: Fields,
        follow: Callable[[bytes, str], Awaitable[None]],
        *,
        opened: Callable[[], None] | None = None,
    ) -> int:
        """Follow the server's own stream (GET) to its end, with each event's data and id.

        Returns the HTTP status: 405 where there is no such stream, 409 where somebody follows it already.
        `opened` is called as soon as it is there.
        """
        shown = await self._bearer.fields(passage) if self._bearer is not None else ()
        given = (*self._declared, *self._secrecy.fields(passage), *shown)
        headers = (("accept", "text/event-stream"), *given, *fields)
        async with await self._http.request(
            passage, "GET", self._target, headers, heartbeat=_BEAT_SECONDS
        ) as reply:
            kind = reply.header("content-type").partition(";")[0].strip().lower()
            if reply.status != 200 or kind != "text/event-stream":
                return reply.status if reply.status != 200 else 405
            if opened is not None:
                opened()
            reader = EventReader()
            async for chunk in reply:
                for data in reader.feed(chunk):
                    await follow(data, reader.last_id)
        return 200

    async def tell(self, passage: Passage, body: bytes, fields: Fields) -> None:
        """Send a notification or a response; what comes back is of no interest."""
        try:
            async with asyncio.timeout(_TELL_SECONDS), await self._post(passage, body, fields) as reply:
                await reply.read(EVENT_LIMIT)
        except TimeoutError:
            text = f"The tool server {self.name} took no message in {_TELL_SECONDS:g} s."
            raise UpstreamError(text, kind="timeout", status=504) from None

    async def delete(self, passage: Passage, fields: Fields) -> None:
        """End a session."""
        shown = await self._bearer.fields(passage) if self._bearer is not None else ()
        headers = (*self._declared, *self._secrecy.fields(passage), *shown, *fields)
        async with await self._http.request(passage, "DELETE", self._target, headers) as reply:
            await reply.read(EVENT_LIMIT)

    async def _post(
        self, passage: Passage, body: bytes, fields: Fields, *, repeatable: bool = False
    ) -> HttpReply:
        headers = (*_FIELDS, *self._declared, *self._secrecy.fields(passage), *fields)
        if self._bearer is None:
            return await self._http.request(
                passage, "POST", self._target, headers, body, repeatable=repeatable
            )
        for again in (False, True):
            shown = await self._bearer.fields(passage)
            reply = await self._http.request(
                passage, "POST", self._target, (*headers, *shown), body, repeatable=repeatable
            )
            if reply.status not in _UNAUTHORIZED:
                return reply
            # It did nothing of what was asked, so asking once more with another token does nothing twice.
            refusal = Refusal(status=reply.status, challenge=_challenge(reply), used=shown, again=again)
            if not await self._weighed(passage, reply, refusal):
                return reply
        raise self._unusable(reply.status)

    async def _weighed(self, passage: Passage, reply: HttpReply, refusal: Refusal) -> bool:
        """Whether to ask once more; the reply is read to its end unless it is the answer."""
        if self._bearer is None:
            return False
        try:
            once_more = await self._bearer.refused(passage, refusal)
        except BaseException:
            reply.close()
            raise
        if once_more:
            async with reply:
                await reply.read(EVENT_LIMIT)
        return once_more and not refusal.again

    async def _follow(
        self, reply: HttpReply, reader: EventReader, number: int, follow: Follow | None
    ) -> Wire | None:
        """The answer, or None when the stream ends before it and may be taken up where it ended."""
        try:
            async for chunk in reply:
                for data in reader.feed(chunk):
                    wire = protocol.read_wire(data)
                    if wire is None:
                        raise UpstreamError(
                            f"The tool server {self.name} sent an event that is no message.", kind="protocol"
                        )
                    if wire.method is UNSET and wire.id is not UNSET and bytes(wire.id) == b"%d" % number:
                        return wire
                    if follow is not None:
                        await follow(wire, data)
        except UpstreamError as error:
            if error.kind != "closed" or not reader.last_id:
                raise
        if not reader.last_id:
            raise self._cut()
        return None

    async def _take_up(
        self, passage: Passage, fields: Fields, before: EventReader, number: int, follow: Follow | None
    ) -> Wire:
        """Go on where a stream ended: after the time that the server named, by GET with the id of the last event."""
        last, retry = before.last_id, before.retry
        for _ in range(_TAKEN_UP):
            await asyncio.sleep(retry)
            shown = await self._bearer.fields(passage) if self._bearer is not None else ()
            given = (*self._declared, *self._secrecy.fields(passage), *shown, *fields)
            headers = (("accept", "text/event-stream"), ("last-event-id", last), *given)
            async with await self._http.request(passage, "GET", self._target, headers) as reply:
                kind = reply.header("content-type").partition(";")[0].strip().lower()
                if reply.status != 200 or kind != "text/event-stream":
                    raise self._cut()
                reader = EventReader()
                reader.last_id, reader.retry = last, retry
                wire = await self._follow(reply, reader, number, follow)
                if wire is not None:
                    return wire
                last, retry = reader.last_id, reader.retry
        raise self._cut()

    def _cut(self) -> UpstreamError:
        return UpstreamError(
            f"The tool server {self.name} ended its stream before its answer.", kind="closed"
        )

    def _unusable(self, status: int) -> HttpError:
        if status in (401, 403):
            text = f"The tool server {self.name} refused the credentials that the profile gives it (HTTP {status})."
        else:
            text = f"The tool server {self.name} answered with HTTP {status} and no JSON-RPC message."
        return HttpError(text, kind="status", http_status=status)


def _challenge(reply: HttpReply) -> str:
    return ", ".join(value for name, value in reply.headers if name == "www-authenticate")
