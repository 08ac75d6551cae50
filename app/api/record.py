"""`/api/v1/audit`: calls, events of one call, one trace."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.api.operation import Asked, Operation, Page
from app.api.paging import PageQuery, page_of, unseal
from app.audit.event import Event
from app.audit.reading import Filter, Reading
from app.audit.store import Line
from app.core.errors import InputError

_LIMIT = Annotated[int, Meta(ge=1, le=999, description="entries of one page")]


class CallQuery(PageQuery, frozen=True, kw_only=True):
    """Which calls to list, newest first."""

    limit: _LIMIT = 100
    actor: Annotated[str, Meta(max_length=200)] | None = None
    action: Annotated[str, Meta(max_length=200)] | None = None
    decision: Literal["permit", "forbid"] | None = None
    since: Annotated[UUID, Meta(description="only this call and later ones")] | None = None
    reads: Annotated[bool, Meta(description="false leaves out permitted looks at the record")] = True


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the record, oldest first."""

    events: list[Event]


class _Record:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def calls(self, asked: Asked) -> Page[Line]:
        query = asked.query
        wanted = Filter(
            before=_before(unseal(query.cursor)), actor=query.actor, action=query.action,
            decision=query.decision, limit=query.limit + 1, since=query.since, reads=query.reads,
        )  # fmt: skip
        return page_of(await self._reading.calls(wanted), query.limit, lambda line: str(line.id))

    async def event(self, asked: Asked) -> Events:
        return Events(events=await self._reading.event(asked.params["id"]))

    async def trace(self, asked: Asked) -> Events:
        return Events(events=await self._reading.trace(asked.params["trace"]))


def _before(key: str) -> UUID | None:
    try:
        return UUID(key) if key else None
    except ValueError:
        raise InputError(
            "The cursor belongs to another list.",
            remedy="Take `next` of the page before.",
            code="invalid_cursor",
        ) from None


def operations(reading: Reading) -> list[Operation]:
    """The table of this subject."""
    does = _Record(reading)
    return [
        Operation(
            id="listCalls", method="GET", path="/api/v1/audit/calls", summary="List decided calls, newest first",
            action="audit.read", kind="record", about="calls", run=does.calls, query=CallQuery, answer=Page[Line],
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
