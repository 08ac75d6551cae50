"""Pages of the record, newest first, and what is new, in the order in which calls end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import msgspec

from app.audit.event import Event
from app.audit.query import store
from app.audit.query.lines import RecordLine, line_of
from app.audit.query.query import MAX_PAGE, Query, parameters
from app.audit.subjects import Reveal
from app.core.errors import DatabaseError, InputError

Lend = Callable[[], AbstractAsyncContextManager[store.Connection]]
_NEW_ROWS = 500


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Lines, and the row after which the next page goes on; None at the end."""

    lines: list[RecordLine]
    next: UUID | None


class Asking:
    """Questions over lent connections; the caller has been admitted for `audit.read`.

    `seconds` bounds each statement, 0 does not; past it the question is refused as too broad.
    """

    def __init__(self, lend: Lend, *, reveal: Reveal, seconds: float = 0.0) -> None:
        self._lend = lend
        self._reveal = reveal
        self._milliseconds = int(seconds * 1000)
        self._places: dict[UUID, int] = {}

    async def page(
        self, query: Query, *, after: UUID | None = None, limit: int = 100, bodies: bool = False
    ) -> Page:
        """At most `limit` lines after a row; rows that arrive meanwhile change no later page."""
        most = max(1, min(limit, MAX_PAGE))
        given = parameters(query.checked(), after=after) | {"limit": most + 1, "calls": None}
        found = await self._ask(given, bodies=bodies)
        shown = found[:most]
        return Page(lines=shown, next=shown[-1].id if len(found) > most else None)

    async def pages(
        self, query: Query, *, after: UUID | None, most: int, size: int, bodies: bool
    ) -> AsyncIterator[Page]:
        """Page after page until `most` lines (0: all) were given; one page is in memory at a time."""
        left = most
        while True:
            page = await self.page(query, after=after, limit=min(size, left) if most else size, bodies=bodies)
            yield page
            after, left = page.next, left - len(page.lines)
            if after is None or (most and left <= 0):
                return

    async def watch(self) -> None:
        """Remember where every writer stands: `ended` goes on from here."""
        async with self._lend() as conn:
            self._places = {place.boot: place.seq for place in await store.places(conn)}

    async def ended(self, query: Query, *, bodies: bool = False) -> list[RecordLine]:
        """What ended since the last look, in its order.

        Each writer's rows become visible in their order and without holes, so none is missed or told twice.
        """
        async with self._lend() as conn:
            for place in await store.places(conn):
                self._places.setdefault(place.boot, 0)
            rows = await store.ended_since(
                conn, boots=list(self._places), seqs=list(self._places.values()), limit=_NEW_ROWS
            )
        for row in rows:
            self._places[row.boot] = row.seq + 1
        calls = {row.call: None for row in rows if row.kind != "intent"}
        if not calls:
            return []
        given = parameters(query.checked(), after=None)
        lines = await self._ask(given | {"limit": len(calls), "calls": list(calls)}, bodies=bodies)
        order = {call: number for number, call in enumerate(calls)}
        return sorted(lines, key=lambda line: order[line.id])

    async def _ask(self, given: dict[str, Any], *, bodies: bool) -> list[RecordLine]:
        try:
            async with self._lend() as conn, conn.transaction():
                await store.allow(conn, self._milliseconds)
                for name in ("actor", "resource"):
                    pattern = given[f"{name}_named"]
                    found = await store.persons_named(conn, pattern) if pattern is not None else []
                    given[f"{name}_subjects"] = found or None
                pairs = await store.pairs(conn, given)
        except store.TooLong:
            raise InputError(
                "The question takes too long.",
                remedy="Narrow it: a shorter time range, an actor, an action or a resource; or ask on the host.",
                code="too_broad",
            ) from None
        except store.Away as error:
            raise DatabaseError(
                f"The record cannot be read: {' '.join(str(error).split()) or type(error).__name__}.",
                remedy="Try again when the database is back.",
            ) from error
        decided = await self._reveal.events([_event(pair.decided) for pair in pairs])
        ended = iter(await self._reveal.events([_event(pair.ended) for pair in pairs if pair.ended]))
        return [
            line_of(event, next(ended) if pair.ended else None, bodies=bodies)
            for event, pair in zip(decided, pairs, strict=True)
        ]


def _event(entry: bytes) -> Event:
    return msgspec.json.decode(entry, type=Event)
