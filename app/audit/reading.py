"""Reading the record: what happened, one call, one trace."""

from uuid import UUID

import msgspec

from app.audit import store
from app.audit.event import Event
from app.audit.store import Line
from app.core.errors import InputError, NotFoundError

MAX_PAGE = 1000
_TRACE_ROWS = 2000


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls to list; None means any."""

    before: UUID | None = None
    actor: str | None = None
    action: str | None = None
    decision: str | None = None
    limit: int = 50


class Reading:
    """Read-only questions to the record; the caller has been admitted for `audit.read`."""

    def __init__(self, pool: store.Pool) -> None:
        self._pool = pool

    async def calls(self, wanted: Filter) -> list[Line]:
        """Decided calls, newest first."""
        async with self._pool.connection() as conn:
            return await store.decided_calls(
                conn,
                before=wanted.before,
                actor=wanted.actor,
                action=wanted.action,
                decision=wanted.decision,
                limit=max(1, min(wanted.limit, MAX_PAGE)),
            )

    async def event(self, event_id: str) -> list[Event]:
        """The row with this id, and if it decided a call all rows about that call."""
        try:
            wanted = UUID(event_id)
        except ValueError:
            raise InputError(
                f"{event_id!r} is not the id of a row.", remedy="Ids are UUIDs, see `audit list`."
            ) from None
        async with self._pool.connection() as conn:
            row = await store.event_by_id(conn, wanted)
            if row is None:
                raise NotFoundError(
                    f"The record has no row {event_id}.", remedy="See `sallyport audit list`."
                )
            call = UUID(_event(row).call)
            return [_event(found) for found in await store.events_of_call(conn, call)]

    async def trace(self, trace_id: str) -> list[Event]:
        """Everything that belongs to one trace, oldest first."""
        async with self._pool.connection() as conn:
            rows = await store.events_of_trace(conn, trace_id.lower(), limit=_TRACE_ROWS)
        if not rows:
            raise NotFoundError(f"The record has no trace {trace_id}.", remedy="See `sallyport audit list`.")
        return [_event(row) for row in rows]


def _event(row: store.Row) -> Event:
    return msgspec.json.decode(row.entry, type=Event)
