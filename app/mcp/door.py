"""Streamable HTTP at `/mcp` and `/mcp/{server}`: the thin transport around `Calls`."""

import asyncio
from collections.abc import Callable, Collection, Mapping

import msgspec

from app.admission import Admission
from app.core.call import NO_CREDENTIAL, BearerToken, Credential
from app.core.clock import Clock
from app.core.errors import InputError
from app.core.ids import Trace, child_span, continue_trace
from app.extensions import Answered, Fields, Request, Route
from app.mcp import protocol
from app.mcp.answers import Answer
from app.mcp.calls import Calls, Keeping
from app.mcp.catalogue import Catalogue
from app.mcp.inputs import Seal
from app.mcp.parked import Limits, Parking
from app.mcp.pins import Watch
from app.mcp.protocol import INVALID_REQUEST, Message, ProtocolError, envelope
from app.mcp.protocol.envelope import Headers
from app.mcp.streams import BEAT_SECONDS, AnswerStream, Sessions, StandingStream, response_of
from app.mcp.tasks import Ledger, Waiting
from app.mcp.turn import Inbound
from app.mcp.upstream.servers import Servers

_SAME_SITE = ("http://", "https://")


class Door:
    """The endpoints. `origins` are browser origins beside our own that may call."""

    def __init__(self, *, calls: Calls, origins: Collection[str] = ()) -> None:
        self._calls = calls
        self._origins = frozenset(origins)

    async def post(self, request: Request, params: Mapping[str, str]) -> Answered:
        """One message, or a batch of the revision that has them."""
        trace = continue_trace(request.headers.get("traceparent"))
        out = {"traceparent": trace.traceparent, "Cache-Control": "no-store"}
        inbound = _inbound(request, params, trace)
        try:
            self._check(request)
            body = await request.read()
            inbound = msgspec.structs.replace(inbound, headers=envelope.read_headers(request.headers.items()))
            messages, batch = protocol.parse(body)
            if batch and inbound.headers.version not in (None, protocol.BATCHING):
                raise ProtocolError("This revision has no batches.", number=INVALID_REQUEST)
        except ProtocolError as error:
            return response_of(await self._calls.refuse(inbound, error), out)
        except InputError as error:  # too large or too slow, says the listener
            broken = ProtocolError(str(error), number=INVALID_REQUEST, status=error.status)
            return response_of(await self._calls.refuse(inbound, broken), out)
        if batch:
            return await self._batch(request, inbound, messages, out)
        return await self._single(request, inbound, messages[0], out)

    async def _single(
        self, request: Request, inbound: Inbound, message: Message, out: dict[str, str]
    ) -> Answered:
        stream = AnswerStream(
            request, streams="text/event-stream" in request.headers.get("accept", ""), headers=out
        )
        if message.kind != "request":
            return response_of(await self._calls.answer(inbound, message, stream), out)
        if inbound.headers.session is None:
            return await stream.finish(await self._alone(inbound, message, stream))
        async with asyncio.TaskGroup() as group:
            beats: list[asyncio.Task[None]] = []
            timer = asyncio.get_running_loop().call_later(
                BEAT_SECONDS, lambda: beats.append(group.create_task(stream.beat()))
            )
            try:
                answer = await self._answered(inbound, message, stream, group)
            finally:
                timer.cancel()
                for beat in beats:
                    beat.cancel()
        return await stream.finish(answer)

    async def _alone(self, inbound: Inbound, message: Message, stream: AnswerStream) -> Answer:
        """The answer for a caller without a session, who can take up no stream again: it ends with its connection."""
        loop = asyncio.get_running_loop()
        beats: list[asyncio.Task[None]] = []
        # Most answers come before the first beat; a task of its own beside each would cost more than the call.
        timer = loop.call_later(BEAT_SECONDS, lambda: beats.append(loop.create_task(stream.beat())))
        try:
            return await self._calls.answer(inbound, message, stream)
        except asyncio.CancelledError:
            stream.lost()
            raise
        finally:
            timer.cancel()
            for beat in beats:
                beat.cancel()

    async def _answered(
        self, inbound: Inbound, message: Message, stream: AnswerStream, group: asyncio.TaskGroup
    ) -> Answer:
        """The answer, also when the connection of a session breaks that may take up the stream again."""
        answering = group.create_task(self._calls.answer(inbound, message, stream))
        try:
            return await asyncio.shield(answering)
        except asyncio.CancelledError:
            if not stream.broken or not stream.lost():
                answering.cancel()
                raise
        await asyncio.wait({answering})  # a second cancellation is the end of this process
        await stream.finish(answering.result())
        raise asyncio.CancelledError

    async def _batch(
        self, request: Request, inbound: Inbound, messages: list[Message], out: dict[str, str]
    ) -> Answered:
        silent = AnswerStream(request, streams=False, headers=out)
        bodies: list[bytes] = []
        for message in messages:
            span = child_span(inbound.trace)
            part = msgspec.structs.replace(inbound, trace=span, batched=True)
            answer = await self._calls.answer(part, message, silent)
            if answer.status == 401:
                return response_of(answer, out)
            if answer.body:
                bodies.append(answer.body)
        if not bodies:
            return response_of(Answer(status=202), out)
        return response_of(Answer(body=b"[" + b",".join(bodies) + b"]"), out)

    async def get(self, request: Request, params: Mapping[str, str]) -> Answered:
        """The standing stream of a session of the older era, or one of its answers that broke off."""
        trace = continue_trace(request.headers.get("traceparent"))
        out = {"traceparent": trace.traceparent, "Cache-Control": "no-store"}
        inbound = _inbound(request, params, trace)
        try:
            self._check_origin(request)
            inbound = msgspec.structs.replace(inbound, headers=envelope.read_headers(request.headers.items()))
            _check_stream(request, inbound.headers)
        except ProtocolError as error:
            out["Allow"] = "POST, DELETE"
            return response_of(await self._calls.refuse(inbound, error), out)
        stream = StandingStream(request, headers=out)
        answer = await self._calls.listen(inbound, stream.send)
        return stream.response or response_of(answer, out)

    async def delete(self, request: Request, params: Mapping[str, str]) -> Answered:
        """End a session."""
        trace = continue_trace(request.headers.get("traceparent"))
        out = {"traceparent": trace.traceparent}
        inbound = _inbound(request, params, trace)
        try:
            self._check_origin(request)
            inbound = msgspec.structs.replace(inbound, headers=envelope.read_headers(request.headers.items()))
        except ProtocolError as error:
            return response_of(await self._calls.refuse(inbound, error), out)
        return response_of(await self._calls.end(inbound), out)

    def _check(self, request: Request) -> None:
        self._check_origin(request)
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise ProtocolError("Send Content-Type: application/json.", number=INVALID_REQUEST, status=415)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise ProtocolError("Send the body without Content-Encoding.", number=INVALID_REQUEST, status=415)
        accept = request.headers.get("accept", "*/*")
        if not any(kind in accept for kind in ("application/json", "*/*", "application/*")):
            raise ProtocolError(
                "Accept must list application/json and text/event-stream.", number=INVALID_REQUEST, status=406
            )

    def _check_origin(self, request: Request) -> None:
        """A browser page of another site must not reach tools (DNS rebinding); the server checks Host itself."""
        origin = request.headers.get("origin")
        if origin is None or origin in self._origins:
            return
        if origin not in [scheme + request.headers.get("host", "") for scheme in _SAME_SITE]:
            raise ProtocolError(
                f"The origin {origin[:200]!r} may not call this endpoint.", number=INVALID_REQUEST, status=403
            )


def open_calls(
    *,
    admission: Admission,
    servers: Servers,
    clock: Clock,
    watch: Watch,
    new_id: Callable[[], str],
    us: dict[str, str],
    door: str = "mcp",
    keeping: Keeping | None = None,
    parking: Limits | None = None,
    node: str = "",
) -> Calls:
    """The governed side, for whoever carries messages to it. `new_id` makes unguessable ids, for sessions and a key.

    Without `parking` nobody of 2026-07-28 is asked for a server of the older era.
    """
    seal = Seal(key=new_id().encode(), clock=clock)
    return Calls(
        admission=admission,
        servers=servers,
        sessions=Sessions(clock=clock, new_id=new_id),
        catalogue=Catalogue(servers=servers, watch=watch, us=us, tasks=keeping is not None),
        watch=watch,
        seal=seal,
        keeping=keeping,
        parking=Parking(
            seal=seal,
            beside=servers.beside,
            admission=admission,
            clock=clock,
            new_id=new_id,
            node=node,
            limits=parking,
        )
        if parking is not None
        else None,
        door=door,
    )


def routes(
    *,
    admission: Admission,
    servers: Servers,
    clock: Clock,
    watch: Watch,
    new_id: Callable[[], str],
    us: dict[str, str],
    origins: Collection[str] = (),
    tasks: tuple[Ledger, Waiting] | None = None,
    parking: Limits = Limits(),  # noqa: B008 - it cannot be changed
    node: str = "",
) -> list[Route]:
    """The MCP endpoints, ready to be mounted. `us` is our name and version; without `tasks` there are none."""
    calls = open_calls(
        admission=admission,
        servers=servers,
        clock=clock,
        watch=watch,
        new_id=new_id,
        us=us,
        keeping=(*tasks, clock) if tasks is not None else None,
        parking=parking,
        node=node,
    )
    door = Door(calls=calls, origins=origins)
    return [
        route
        for path in ("/mcp", "/mcp/{server}")
        for route in (
            Route(method="POST", path=path, short=door.post),
            Route(method="GET", path=path, short=door.get),
            Route(method="DELETE", path=path, short=door.delete),
        )
    ]


def _check_stream(request: Request, headers: Headers) -> None:
    """Only a session has a stream of its own; in 2026-07-28 every stream belongs to a request."""
    if headers.session is None or headers.version not in (None, *protocol.OLD_VERSIONS):
        text = (
            "A stream of its own has only a session of the older era; in 2026-07-28 use subscriptions/listen."
        )
        raise ProtocolError(text, number=INVALID_REQUEST, status=405)
    if "text/event-stream" not in request.headers.get("accept", ""):
        raise ProtocolError("Accept must list text/event-stream.", number=INVALID_REQUEST, status=406)


def _inbound(request: Request, params: Mapping[str, str], trace: Trace) -> Inbound:
    return Inbound(
        server=params.get("server", ""),
        credential=credential_of(request.headers),
        headers=Headers(),
        trace=trace,
        client=request.headers.get("user-agent", "")[:200],
        address=request.remote or "",
    )


def credential_of(headers: Fields) -> Credential:
    """The key of `Authorization: Bearer` or `x-api-key`."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return BearerToken(token.strip())
    key = headers.get("x-api-key", "")
    return BearerToken(key) if key else NO_CREDENTIAL
