"""Endpoints for clients of developers beside their AI requests: Claude Code's managed settings, and reports."""

from datetime import datetime
from pathlib import Path
from typing import Any

from app.admission import Admission
from app.audit.event import Event
from app.config.gateway.clients import Clients
from app.core.call import Call, Resource
from app.core.clock import Clock
from app.core.errors import ConfigError, InputError, SallyportError, UpstreamError
from app.core.ids import Trace, continue_trace, uuid7_text
from app.core.passage import Passage
from app.extensions import Answered, Params, Request, Response, Route
from app.gateway.asked import credential
from app.gateway.clients.settings import Managed, Part, Served
from app.gateway.clients.telemetry import Reports
from app.gateway.dialects import ANTHROPIC
from app.gateway.render import failure, json_response, trace_headers

_NONE = InputError("There are no managed settings for you.", status=404, code="no_settings")


def client_routes(*, admission: Admission, settings: Clients, folder: Path, clock: Clock) -> list[Route]:
    """The endpoints; ConfigError when managed settings cannot be read. Paths of files begin at `folder`."""
    managed = ManagedSettings(
        admission=admission, managed=Managed(settings.settings, folder=folder), clock=clock
    )
    reports = Reports(admission=admission, settings=settings.telemetry, clock=clock)
    return [
        Route(method="GET", path="/managed/settings", short=managed.get),
        *(
            Route(method="POST", path=f"/v1/{signal}", short=reports.endpoint(signal))
            for signal in ("metrics", "logs", "traces")
        ),
    ]


class ManagedSettings:
    """`/managed/settings` as Claude Code asks for it about once an hour, with ETag and checksum."""

    def __init__(self, *, admission: Admission, managed: Managed, clock: Clock) -> None:
        self._admission = admission
        self._managed = managed
        self._clock = clock
        self._told: dict[str, str] = {}

    async def get(self, request: Request, params: Params) -> Answered:
        """The settings of whoever asks; 304 when they have them, 404 when there are none for them."""
        trace = continue_trace(request.headers.get("traceparent"))
        call = Call(
            door="gateway",
            action="settings.read",
            resource=Resource("client", "claude-code"),
            trace=trace,
            credential=credential(request),
            client=request.headers.get("User-Agent", "")[:256],
            address=request.remote or "",
        )
        try:
            async with self._admission.admit(call) as passage:
                served = self._served(passage, trace)
        except SallyportError as error:
            return failure(error, dialect=ANTHROPIC, trace=trace)
        if served is None:
            return failure(_NONE, dialect=ANTHROPIC, trace=trace)
        headers = trace_headers(trace) | {
            "ETag": f'"{served.checksum}"',
            "Cache-Control": "private, no-cache",
        }
        known = request.headers.get("If-None-Match", "")
        if known.strip() == "*" or served.checksum in [tag.strip(' W/"') for tag in known.split(",")]:
            return Response(status=304, headers=headers)
        return json_response(served.answer(), headers)

    def _served(self, passage: Passage, trace: Trace) -> Served | None:
        try:
            served = self._managed.of(passage.principal)
        except ConfigError as error:
            raise UpstreamError(str(error), kind="settings", status=503) from None
        parts = served.parts if served is not None else ()
        for part in parts:
            if self._told.get(part.name) != part.sha256:
                self._version(part, trace)
        checksum = served.checksum if served is not None else ""
        passage.note(result={"checksum": checksum, "parts": {part.name: part.sha256 for part in parts}})
        return served

    def _version(self, part: Part, trace: Trace) -> None:
        """A version that was not served since the start goes into the record, whole."""
        now = self._clock.now()
        identity = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
        body: dict[str, Any] = {"settings": {"sha256": part.sha256, "bytes": len(part.text)}}
        before = self._told.get(part.name)
        if before is not None:
            body["before"] = before
        event = Event(
            id=identity,
            call=identity,
            time=_time(now),
            kind="event",
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            door="gateway",
            action="settings.version",
            resource_kind="client",
            resource=part.name,
            actor_id="system",
            actor_kind="system",
            actor="sallyport",
            body=body | {"contents": [part.sha256]},
        )
        self._admission.records.post(event, [(part.sha256, part.text)])
        self._told[part.name] = part.sha256


def _time(now: datetime) -> str:
    return now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
