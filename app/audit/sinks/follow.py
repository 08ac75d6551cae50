"""Follow the record: the rows after a place, boot by boot without holes, and across boots by their ids.

A boot has one serial writer, so its rows become visible in the order of their numbers. The place of a reader is
therefore the next number of each boot; nothing depends on clocks or on the order in which transactions end.
"""

import heapq
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from app.audit.sinks import store
from app.audit.sinks.store import BootState, StoredRow

BOOTS_AT_ONCE = 64
LOOK_SECONDS = 1.0
FULL_LOOK_SECONDS = 300.0
OVERLAP = timedelta(minutes=10)
"""How much later than it says a boot may become visible to a quick look; a full look finds all."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

Load = Callable[[store.Connection, datetime, list[UUID]], Awaitable[list[BootState]]]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in order, where each boot stands after them, boots that ended with nothing left, rows that are gone."""

    rows: list[StoredRow]
    nexts: dict[UUID, int]
    drained: list[BootState] = []
    missing: int = 0


class Follower:
    """One reader's place in the record. `boots` are those that may still have rows, with their next number."""

    def __init__(self, *, load: Load, monotonic: Callable[[], float], since: datetime = _EVER) -> None:
        self.boots: dict[UUID, BootState] = {}
        self.seen = since
        self._load = load
        self._monotonic = monotonic
        self._first = since
        self._looked = self._looked_fully = -FULL_LOOK_SECONDS

    async def look(self, conn: store.Connection) -> None:
        """Find new boots and learn which of the known ones have ended, when it is time for that."""
        now = self._monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        full = now - self._looked_fully >= FULL_LOOK_SECONDS
        since = self._first if full else self.seen - OVERLAP
        with store.deadline(conn, store.PATIENCE):
            states = await self._load(conn, since, list(self.boots))
        for found in states:
            known = self.boots.get(found.boot)
            if known is not None:
                found = msgspec.structs.replace(found, next=known.next)  # noqa: PLW2901
            self.boots[found.boot] = found
            self.seen = max(self.seen, found.connected)
        self._looked = now
        self._looked_fully = now if full else self._looked_fully

    async def read(self, conn: store.Connection, *, limit: int, size: int) -> Batch:
        """The rows that follow and the boots that are drained; both empty when there is nothing new."""
        places = sorted(self.boots.values(), key=lambda state: state.connected)
        drained: list[BootState] = []
        for first in range(0, len(places), BOOTS_AT_ONCE):
            some = places[first : first + BOOTS_AT_ONCE]
            each = max(size // len(some), 256 * 1024)
            nexts = {state.boot: state.next for state in some}
            with store.deadline(conn, store.PATIENCE):
                rows = await store.rows_after(conn, list(nexts), list(nexts.values()), limit=limit, size=each)
            with_rows = {row.boot for row in rows}
            # The look that found them without a writer was before this read, so nothing can follow.
            drained += [state for state in some if not state.alive and state.boot not in with_rows]
            if rows:
                batch = _in_order(rows, nexts, limit=limit, size=each)
                return msgspec.structs.replace(batch, drained=drained)
        return Batch(rows=[], nexts={}, drained=drained)

    def advance(self, batch: Batch) -> None:
        """Go on after these rows; a drained boot that is connected again is found by the next look."""
        for boot, number in batch.nexts.items():
            self.boots[boot] = msgspec.structs.replace(self.boots[boot], next=number)
        for state in batch.drained:
            del self.boots[state.boot]


def _in_order(rows: list[StoredRow], nexts: dict[UUID, int], *, limit: int, size: int) -> Batch:
    """Merge the boots' rows by id, each boot's own order kept; rows beyond a page that was cut wait for the next."""
    pages: dict[UUID, list[StoredRow]] = {}
    for row in rows:
        pages.setdefault(row.boot, []).append(row)
    cut = [max(row.id for row in page) for page in pages.values() if _full(page, limit, size)]
    if cut:
        horizon = min(cut)
        pages = {boot: _until(page, horizon) for boot, page in pages.items()}
    missing = sum(
        page[-1].seq - nexts[boot] + 1 - len(page) for boot, page in pages.items() if page and nexts[boot]
    )
    return Batch(
        rows=list(heapq.merge(*pages.values(), key=lambda row: row.id)),
        nexts={boot: page[-1].seq + 1 for boot, page in pages.items() if page},
        missing=missing,
    )


def _full(page: list[StoredRow], limit: int, size: int) -> bool:
    return len(page) >= limit or sum(len(row.entry) for row in page) >= size


def _until(page: list[StoredRow], horizon: UUID) -> list[StoredRow]:
    """The page up to the first row beyond the horizon: never a later one without an earlier."""
    for number, row in enumerate(page):
        if row.id > horizon:
            return page[:number]
    return page
