"""`/api/v1/audit`: calls, any question, events of one call, one trace."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.api.operation import Asked, Operation, Page
from app.api.paging import PageQuery, page_of, unseal
from app.audit.event import Event
from app.audit.query import Asking, Query, RecordLine, cursor_of, id_of_cursor
from app.audit.query.moments import moment, zone_named
from app.audit.query.query import MAX_TEXT
from app.audit.reading import Filter, Reading
from app.audit.store import Line
from app.core.clock import Clock
from app.core.errors import InputError
from app.core.jsonsafe import decode_object

_LIMIT = Annotated[int, Meta(ge=1, le=999, description="entries of one page")]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)] | None
_Moment = Annotated[
    str, Meta(max_length=64, description="RFC 3339, a date, or words such as 2h or yesterday")
]


class CallQuery(PageQuery, frozen=True, kw_only=True):
    """Which calls to list, newest first."""

    limit: _LIMIT = 100
    actor: Annotated[str, Meta(max_length=200)] | None = None
    action: Annotated[str, Meta(max_length=200)] | None = None
    decision: Literal["permit", "forbid"] | None = None
    since: Annotated[UUID, Meta(description="only this call and later ones")] | None = None
    reads: Annotated[bool, Meta(description="false leaves out permitted looks at the record")] = True


class RecordQuery(PageQuery, frozen=True, kw_only=True):
    """Which calls and events, newest first; `*` in a text stands for any characters."""

    limit: _LIMIT = 100
    since: _Moment = ""
    until: _Moment = ""
    zone: Annotated[str, Meta(max_length=64, description="of moments without an offset")] = "UTC"
    kind: Literal["call", "event"] | None = None
    actor: _Text = None
    actor_id: _Text = None
    agent: _Text = None
    client: _Text = None
    door: _Text = None
    action: _Text = None
    resource: _Text = None
    session: _Text = None
    credential: _Text = None
    decision: Literal["permit", "forbid"] | None = None
    reason: _Text = None
    rule: _Text = None
    status: Annotated[str, Meta(max_length=100, description="one or more, with commas between")] = ""
    trace: _Text = None
    min_microdollars: Annotated[int, Meta(ge=0)] | None = None
    min_latency_us: Annotated[int, Meta(ge=0)] | None = None
    arguments: Annotated[
        str, Meta(max_length=4000, description="a JSON object that the recorded arguments contain")
    ] = ""
    bodies: Annotated[bool, Meta(description="true adds arguments, result and error")] = False
    reads: Annotated[bool, Meta(description="false leaves out permitted looks at the record")] = True


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the record, oldest first."""

    events: list[Event]


class _Record:
    def __init__(self, reading: Reading, asking: Asking, clock: Clock) -> None:
        self._reading = reading
        self._asking = asking
        self._clock = clock

    async def calls(self, asked: Asked) -> Page[Line]:
        query = asked.query
        wanted = Filter(
            before=_before(unseal(query.cursor)), actor=query.actor, action=query.action,
            decision=query.decision, limit=query.limit + 1, since=query.since, reads=query.reads,
        )  # fmt: skip
        return page_of(await self._reading.calls(wanted), query.limit, lambda line: str(line.id))

    async def query(self, asked: Asked) -> Page[RecordLine]:
        query = asked.query
        found = await self._asking.page(
            _query(query, now=self._clock.now()),
            after=id_of_cursor(query.cursor),
            limit=query.limit,
            bodies=query.bodies,
        )
        return Page(items=found.lines, next=cursor_of(found.next) if found.next else None)

    async def event(self, asked: Asked) -> Events:
        return Events(events=await self._reading.event(asked.params["id"]))

    async def trace(self, asked: Asked) -> Events:
        return Events(events=await self._reading.trace(asked.params["trace"]))


def _query(given: RecordQuery, *, now: datetime) -> Query:
    zone = zone_named(given.zone)
    members = {name: getattr(given, name) for name in Query.__struct_fields__ if name not in _READ}
    return Query(
        since=moment(given.since, now=now, zone=zone).astimezone(UTC) if given.since else None,
        until=moment(given.until, now=now, zone=zone).astimezone(UTC) if given.until else None,
        status=tuple(given.status.split(",")) if given.status else (),
        arguments=decode_object(given.arguments.encode()) if given.arguments else None,
        **members,
    ).checked()


_READ = frozenset({"since", "until", "status", "arguments"})


def _before(key: str) -> UUID | None:
    try:
        return UUID(key) if key else None
    except ValueError:
        raise InputError(
            "The cursor belongs to another list.",
            remedy="Take `next` of the page before.",
            code="invalid_cursor",
        ) from None


def operations(reading: Reading, *, asking: Asking, clock: Clock) -> list[Operation]:
    """The table of this subject."""
    does = _Record(reading, asking, clock)
    return [
        Operation(
            id="listCalls", method="GET", path="/api/v1/audit/calls", summary="List decided calls, newest first",
            action="audit.read", kind="record", about="calls", run=does.calls, query=CallQuery, answer=Page[Line],
        ),
        Operation(
            id="queryRecord", method="GET", path="/api/v1/audit/query", summary="Ask the record, newest first",
            action="audit.read", kind="record", about="query", run=does.query, query=RecordQuery, answer=Page[RecordLine],
        ),
        Operation(
            id="showEvent", method="GET", path="/api/v1/audit/events/{id}", summary="Show a row and those of the same call",
            action="audit.read", kind="record", about="{id}", run=does.event, answer=Events,
        ),
        Operation(
            id="showTrace", method="GET", path="/api/v1/audit/traces/{trace}", summary="Show all that belongs to one trace",
            action="audit.read", kind="record", about="{trace}", run=does.trace, answer=Events,
        ),
    ]  # fmt: skip
