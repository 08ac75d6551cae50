"""`/api/v1/audit/stream`: the record as server-sent events (WHATWG HTML 9.2), resumable by `Last-Event-ID`.

Beside rows it sends `place` events: at the beginning and in silence, so that a reader always knows where to go on.
The stream is one admitted call. Who reads it is asked for again and again: a credential that was revoked, or a
permission that was taken away, ends it.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec
from aiohttp import web

from app.admission import Admission
from app.api.door import credential_of, query_of, refuse
from app.api.operation import Query
from app.audit.sinks import Sinks
from app.audit.sinks.watch import Seen, Watch
from app.config.outward.sinks import SinkFilter
from app.core.call import Call, Resource
from app.core.errors import InputError, SallyportError
from app.core.ids import Trace, continue_trace
from app.extensions import Params, Route

log = logging.getLogger(__name__)

PATH = "/api/v1/audit/stream"
MOST_STREAMS = 64
BEAT_SECONDS = 15.0
RECHECK_SECONDS = 2.0
WRITE_SECONDS = 15.0
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class StreamQuery(Query, frozen=True, kw_only=True):
    """Which rows, lists separated by commas; `after` is an event's id for clients that cannot send it as a header."""

    actions: str = ""
    kinds: str = ""
    decisions: str = ""
    after: str = ""


def stream_route(*, admission: Admission, sinks: Sinks, stopping: asyncio.Event) -> Route:
    """The endpoint, ready to be mounted."""
    open_now: set[str] = set()

    async def endpoint(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        trace = continue_trace(request.headers.get("traceparent"))
        call = _call(request, trace)
        fault: InputError | None = None
        wanted, place = SinkFilter(), ""
        try:
            wanted, place = _asked(request)
        except InputError as error:
            fault = error
        response: web.StreamResponse | None = None
        try:
            async with admission.admit(call) as passage:
                if fault is not None:
                    raise fault
                if len(open_now) >= MOST_STREAMS:
                    raise InputError("Too many streams are open.", status=429, code="too_many_streams")
                watch = sinks.watch(wanted, place=place)
                response = web.StreamResponse(
                    status=200, headers={**_HEADERS, "traceparent": trace.traceparent}
                )
                relay = _Relay(admission, call, response, stopping)
                open_now.add(trace.span_id)
                try:
                    await response.prepare(request)
                    await relay.run(watch)
                finally:
                    open_now.discard(trace.span_id)
                    passage.note(result={"rows": relay.rows, "end": relay.end})
        except SallyportError as error:
            if response is None or not response.prepared:
                return refuse(error, trace)
            log.info("the stream of %s ends: %s", call.client, error)
        except ConnectionError:
            log.debug("the reader of a stream went away")
        if response is None:
            raise RuntimeError("a stream neither began nor was refused")
        return response

    return Route(method="GET", path=PATH, endpoint=endpoint)


class _Relay:
    """One stream while it runs."""

    def __init__(
        self, admission: Admission, call: Call, response: web.StreamResponse, stopping: asyncio.Event
    ) -> None:
        self.rows = 0
        self.end = "the reader went away"
        self._admission = admission
        self._call = call
        self._response = response
        self._stopping = stopping
        self._now = asyncio.get_running_loop().time
        self._wrote = self._checked = self._now()

    async def run(self, watch: Watch) -> None:
        """Until the reader leaves, is too slow, or may no longer read, or the server drains."""
        begun = False
        async for batch in watch.rows(self._stopping.is_set):
            if not begun or (not batch and self._now() - self._wrote > BEAT_SECONDS):
                await self._write(b"retry: 2000\nid: %b\nevent: place\ndata: {}\n\n" % watch.place.encode())
                begun = True
            if batch:
                await self._write(_events(batch))
                self.rows += len(batch)
            if self._now() - self._checked > RECHECK_SECONDS and not await self._may_go_on():
                return
        self.end = "the server stops"
        await self._response.write_eof()

    async def _may_go_on(self) -> bool:
        self._checked = self._now()
        _, decision = await self._admission.decide(self._call)
        if decision.permitted:
            return True
        self.end = decision.reason
        await self._write(b"event: end\ndata: " + msgspec.json.encode({"reason": decision.reason}) + b"\n\n")
        await self._response.write_eof()
        return False

    async def _write(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._response.write(data)
        except TimeoutError:
            self.end = "the reader is too slow"
            self._response.force_close()
            raise InputError("The reader of the stream is too slow.") from None
        self._wrote = self._now()


def _events(batch: Sequence[Seen]) -> bytes:
    """Canonical JSON has no line break, so a row is one data line."""
    return b"".join(
        b"id: %b\nevent: %b\ndata: %b\n\n" % (seen.place.encode(), seen.event.kind.encode(), seen.data)
        for seen in batch
    )


def _asked(request: web.BaseRequest) -> tuple[SinkFilter, str]:
    query = query_of(request, StreamQuery)
    lists = {name: _split(getattr(query, name)) for name in ("actions", "kinds", "decisions")}
    try:
        wanted = msgspec.convert(lists, SinkFilter)
    except msgspec.ValidationError as error:
        raise InputError(f"The query does not fit: {error}.", code="invalid_parameter") from None
    return wanted, request.headers.get("Last-Event-ID", "") or query.after


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _call(request: web.BaseRequest, trace: Trace) -> Call:
    return Call(
        door="api",
        action="audit.read",
        resource=Resource("record", "stream"),
        trace=trace,
        credential=credential_of(request),
        arguments={name: value[:200] for name, value in request.rel_url.query.items()} or None,
        client=request.headers.get("user-agent", "")[:200],
        address=request.remote or "",
    )
