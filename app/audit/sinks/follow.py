"""Follow the record: the rows after a place, boot by boot without holes, and across boots by their ids.

A boot has one serial writer, so its rows become visible in the order of their numbers. The place of a reader is
therefore the next number of each boot; nothing depends on clocks or on the order in which transactions end.
"""

import heapq
from collections.abc import Awaitable, Callable, Sequence
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
    """One reader's place in the record. `boots` are those that may still have rows, with their next number.

    `load` leaves out boots that had ended with nothing left, or the reader has a `window`: it remembers those of the
    last so long itself, and looks no further back.
    """

    def __init__(
        self,
        *,
        load: Load,
        monotonic: Callable[[], float],
        window: timedelta | None = None,
        seen: datetime = _EVER,
        boots: Sequence[BootState] = (),
    ) -> None:
        self.boots = {state.boot: state for state in boots}
        self.seen = seen
        self._done: dict[UUID, BootState] = {}
        self._load = load
        self._monotonic = monotonic
        self._window = window
        self._looked = self._looked_fully = -FULL_LOOK_SECONDS

    async def look(self, conn: store.Connection) -> None:
        """Find new boots and learn which of the known ones have ended, when it is time for that."""
        now = self._monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        full = self._window is None and now - self._looked_fully >= FULL_LOOK_SECONDS
        since = _EVER if full else self.seen - (self._window or OVERLAP) if self.seen > _EVER else _EVER
        with store.deadline(conn, store.PATIENCE):
            states = await self._load(conn, since, list(self.boots))
        for found in states:
            self._take(found)
        self._looked = now
        self._looked_fully = now if full else self._looked_fully

    def _take(self, found: BootState) -> None:
        done = self._done.get(found.boot)
        if done is not None and done.connected == found.connected:
            return
        known = self.boots.get(found.boot) or self._done.pop(found.boot, None)
        self.boots[found.boot] = msgspec.structs.replace(found, next=known.next) if known else found
        self.seen = max(self.seen, found.connected)

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
                batch = in_order(rows, nexts, limit=limit, size=each)
                return msgspec.structs.replace(batch, drained=drained)
        return Batch(rows=[], nexts={}, drained=drained)

    def step(self, row: StoredRow) -> None:
        """Go on after this row."""
        self.boots[row.boot] = msgspec.structs.replace(self.boots[row.boot], next=row.seq + 1)

    def advance(self, batch: Batch) -> None:
        """Go on after these rows; a drained boot that is connected again is found by the next look."""
        for boot, number in batch.nexts.items():
            self.boots[boot] = msgspec.structs.replace(self.boots[boot], next=number)
        for state in batch.drained:
            gone = self.boots.pop(state.boot)
            if self._window is not None:
                self._done[state.boot] = gone
        if self._window is not None:
            oldest = self.seen - self._window
            self._done = {boot: state for boot, state in self._done.items() if state.connected >= oldest}

    def nexts(self) -> dict[UUID, int]:
        """The next number of each boot that is known, living ones last."""
        return {state.boot: state.next for state in (*self._done.values(), *self.boots.values())}


def in_order(rows: list[StoredRow], nexts: dict[UUID, int], *, limit: int, size: int) -> Batch:
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
