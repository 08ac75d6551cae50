"""Reports of clients (OTLP over HTTP) become rows: what a client says it did, marked as such, beside what was seen here."""

from typing import Any

import msgspec

from app.admission import Admission
from app.config.gateway.clients import Telemetry
from app.core.call import Call, Credential, Inherited, Resource
from app.core.clock import Clock
from app.core.errors import InputError, SallyportError
from app.core.ids import Trace, continue_trace, new_trace
from app.extensions import Answered, Params, Request, Response, ShortEndpoint
from app.gateway.asked import credential
from app.gateway.clients.bodies import read_body
from app.gateway.clients.otlp import Entry, Signal, read_report
from app.gateway.dialects import ANTHROPIC
from app.gateway.render import failure, trace_headers

MOST_GROUPS = 64
"""Sessions and traces that one report may be about; what is beyond is told together."""
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
_MILLION = 1_000_000


class Group(msgspec.Struct, frozen=True):
    """Entries of one session and one trace."""

    session: str
    trace_id: str
    entries: list[Entry]

    def result(self, signal: Signal) -> dict[str, Any]:
        """What the record keeps; costs and tokens are the client's word and count nowhere."""
        told = [entry.told for entry in self.entries if entry.name.endswith("api_request")]
        totals = {name: sum(_number(each.get(name)) for each in told) for name in _TOKENS}
        cost = sum(_number(each.get("cost_usd")) for each in told)
        return {
            "reported_by": "client",
            "signal": signal,
            "totals": {key: int(value) for key, value in totals.items() if value}
            | ({"microdollars": round(cost * _MILLION)} if cost else {}),
            "entries": [_row(entry) for entry in self.entries],
        }


class Pace:
    """How many reports each principal sent in this minute."""

    def __init__(self, *, per_minute: int, clock: Clock) -> None:
        self._most = per_minute
        self._clock = clock
        self._minute = 0
        self._counts: dict[str, int] = {}

    def take(self, principal: str) -> bool:
        """Whether one more is fine."""
        minute = int(self._clock.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        self._counts[principal] = self._counts.get(principal, 0) + 1
        return self._counts[principal] <= self._most


class Reports:
    """The endpoints of the three signals."""

    def __init__(self, *, admission: Admission, settings: Telemetry, clock: Clock) -> None:
        self._admission = admission
        self._settings = settings
        self._pace = Pace(per_minute=settings.per_minute, clock=clock)

    def endpoint(self, signal: Signal) -> ShortEndpoint:
        """Takes reports of one signal."""

        async def endpoint(request: Request, params: Params) -> Answered:
            return await self._take(request, signal)

        return endpoint

    async def _take(self, request: Request, signal: Signal) -> Answered:
        trace = continue_trace(request.headers.get("traceparent"))
        problem: SallyportError | None = None
        groups: list[Group] = []
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            body = await read_body(request, limit=self._settings.max_body_bytes)
            groups = grouped(read_report(body, signal, content_type=kind))
        except InputError as error:
            problem = error
        first, *others = groups or [Group("", "", [])]
        try:
            call = _call(request, signal, first, trace, credential(request))
            async with self._admission.admit(call) as passage:
                if problem is None and not self._pace.take(passage.principal.id):
                    problem = _too_many(self._settings.per_minute)
                if problem is not None:
                    passage.note(status="refused", error=str(problem))
                    raise problem
                passage.note(result=first.result(signal))
                for group in others:
                    call = _call(request, signal, group, trace, Inherited(passage))
                    async with self._admission.admit(call) as child:
                        child.note(result=group.result(signal))
        except SallyportError as error:
            return _failed(error, trace)
        accepted = b"" if kind == "application/x-protobuf" else b'{"partialSuccess":{}}'
        return Response(body=accepted, headers=trace_headers(trace) | {"Content-Type": kind})


def grouped(entries: list[Entry]) -> list[Group]:
    """By session and trace, in order of their first entry."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        key = entry.session, entry.trace_id
        if key not in found and len(found) >= MOST_GROUPS:
            key = "", ""
        found.setdefault(key, []).append(entry)
    return [Group(*key, each) for key, each in found.items()]


def _call(request: Request, signal: Signal, group: Group, trace: Trace, credential: Credential) -> Call:
    known = Trace(group.trace_id, new_trace().span_id) if group.trace_id else trace
    return Call(
        door="gateway",
        action="telemetry.report",
        resource=Resource("client", signal),
        trace=known,
        credential=credential,
        details={"entries": len(group.entries)},
        client=request.headers.get("User-Agent", "")[:256],
        address=request.remote or "",
        session=group.session,
    )


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"name": entry.name, **entry.told}
    if entry.value is not None:
        row |= {"value": entry.value, "unit": entry.unit}
    return row


def _number(value: Any) -> int | float:
    """Claude Code writes its numbers as texts."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError):
        return 0
    return number if 0 <= number < 1e15 else 0


def _too_many(most: int) -> InputError:
    return InputError(
        f"More than {most} reports came in this minute.",
        remedy="Export less often, or raise clients.telemetry.per_minute.",
        status=429,
        code="rate_limited",
    )


def _failed(error: SallyportError, trace: Trace) -> Response:
    response = failure(error, dialect=ANTHROPIC, trace=trace)
    if response.status == 429:
        response.headers["Retry-After"] = "60"
    return response
