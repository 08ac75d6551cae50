"""Reading the record: what happened, one call, one trace."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec

from app.audit import store
from app.audit.event import Event
from app.audit.store import Line, Tally
from app.audit.subjects import Reveal
from app.core.errors import DatabaseError, InputError, NotFoundError

MAX_PAGE = 1000
TALLIED_ROWS = 50_000
_TRACE_ROWS = 2000


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls to list; None means any. `reads` False leaves out permitted looks at the record and the console."""

    before: UUID | None = None
    since: UUID | None = None
    actor: str | None = None
    action: str | None = None
    decision: str | None = None
    reads: bool = True
    limit: int = 50


class Entry(msgspec.Struct, frozen=True):
    """A row as people may read it, and the bytes as stored, which are what is hashed."""

    event: Event
    data: bytes


class Reading:
    """Read-only questions to the record; the caller has been admitted for `audit.read`."""

    def __init__(self, pool: store.Pool, *, reveal: Reveal) -> None:
        self._pool = pool
        self.reveal = reveal

    async def calls(self, wanted: Filter) -> list[Line]:
        """Decided calls, newest first."""
        async with self._connection() as conn:
            return await store.decided_calls(
                conn,
                before=wanted.before,
                actor=wanted.actor,
                action=wanted.action,
                decision=wanted.decision,
                reads=wanted.reads,
                since=wanted.since,
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
        async with self._connection() as conn:
            row = await store.event_by_id(conn, wanted)
            if row is None:
                raise NotFoundError(
                    f"The record has no row {event_id}.", remedy="See `sallyport audit list`."
                )
            call = UUID(_event(row).call)
            rows = await store.events_of_call(conn, call)
        return await self.reveal.events([_event(found) for found in rows])

    async def latest(self, action: str, *, node: str) -> Event | None:
        """The newest event of this kind that a node wrote; persons in it stay sealed."""
        async with self._connection() as conn:
            row = await store.latest_event(conn, action, node)
        return _event(row) if row else None

    async def tallies(self, since: datetime) -> list[Tally]:
        """What happened since, counted by minute, kind and action; at most the newest TALLIED_ROWS rows."""
        async with self._connection() as conn:
            return await store.tallies(conn, since=first_id(since), limit=TALLIED_ROWS)

    async def trace(self, trace_id: str) -> list[Event]:
        """Everything that belongs to one trace, oldest first."""
        return [entry.event for entry in await self.entries(trace_id)]

    async def entries(self, trace_id: str) -> list[Entry]:
        """Everything that belongs to one trace with the stored bytes, oldest first."""
        async with self._connection() as conn:
            rows = await store.events_of_trace(conn, trace_id.lower(), limit=_TRACE_ROWS)
        if not rows:
            raise NotFoundError(f"The record has no trace {trace_id}.", remedy="See `sallyport audit list`.")
        events = await self.reveal.events([_event(row) for row in rows])
        return [Entry(event, row.entry) for event, row in zip(events, rows, strict=True)]

    async def kept(self, digests: Collection[str]) -> frozenset[str]:
        """Which contents, beside the entries that name them by digest, are kept."""
        if not digests:
            return frozenset()
        async with self._connection() as conn:
            return frozenset(await store.kept_contents(conn, list(digests)))

    async def content(self, digest: str) -> bytes:
        """The bytes of a content that was too large for its entry."""
        async with self._connection() as conn:
            data = await store.content(conn, digest)
        if data is None:
            raise NotFoundError(
                "The record keeps no content with this digest.", remedy="Perhaps only the digest is kept."
            )
        return await self.reveal.content(data)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[store.Connection]:
        try:
            async with self._pool.connection() as conn:
                yield conn
        except store.Away as error:
            raise DatabaseError(
                f"The record cannot be read: {' '.join(str(error).split()) or type(error).__name__}.",
                remedy="Try again when the database is back.",
            ) from error


def first_id(moment: datetime) -> UUID:
    """The smallest id that a row of this moment can have (UUIDv7, RFC 9562)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _event(row: store.Row) -> Event:
    return msgspec.json.decode(row.entry, type=Event)
