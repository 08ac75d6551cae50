"""The record as it grows, for one reader who keeps their own place."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import msgspec

from app.audit.event import Event
from app.audit.sinks import store
from app.audit.sinks.delivery import Reveals
from app.audit.sinks.follow import OVERLAP, Follower
from app.audit.sinks.place import parse, render
from app.audit.sinks.store import BootState
from app.audit.sinks.writing import wants
from app.config.outward.sinks import SinkFilter
from app.core.clock import Clock
from app.core.errors import DatabaseError

_ROWS, _BYTES = 200, 1024 * 1024
_PAUSE = 0.5


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A row, its JSON, and the place after it."""

    event: Event
    data: bytes
    place: str


class Watch:
    """Rows from `place` on, or from now on; each look takes a connection of the pool and gives it back."""

    def __init__(
        self,
        *,
        pool: store.Pool,
        clock: Clock,
        wanted: SinkFilter,
        reveal: Reveals | None,
        place: str = "",
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._wanted = wanted
        self._reveal = reveal
        self._place = place
        self._follower = self._at(place) if place else None

    @property
    def place(self) -> str:
        """Where the reader was before the rows that were given last."""
        return self._place

    async def rows(self, wake: Callable[[], bool]) -> AsyncIterator[Sequence[Seen]]:
        """Batches for ever, an empty one after each look that found nothing; ends when `wake` says so."""
        while not wake():
            try:
                async with self._pool.connection() as conn:
                    batch = await self._look(conn)
            except store.Away as error:
                raise DatabaseError(
                    f"The record cannot be read: {' '.join(str(error).split()) or type(error).__name__}.",
                    remedy="Connect again with the last id when the database is back.",
                ) from error
            yield batch
            if not batch:
                await asyncio.sleep(_PAUSE)

    async def _look(self, conn: store.Connection) -> list[Seen]:
        follower = self._follower
        if follower is None:
            seen = await store.database_time(conn)
            follower = self._follower = self._from(seen, await store.last_seqs(conn, seen - OVERLAP))
        await follower.look(conn)
        self._place = render(follower.seen, follower.nexts())
        batch = await follower.read(conn, limit=_ROWS, size=_BYTES)
        found: list[tuple[Event, bytes, str]] = []
        for row in batch.rows:
            follower.step(row)
            event = msgspec.json.decode(row.entry, type=Event)
            if wants(self._wanted, event):
                found.append((event, row.entry, render(follower.seen, follower.nexts())))
        follower.advance(batch)
        opened = [event for event, _, _ in found]
        if self._reveal is not None:
            opened = await self._reveal.events(opened)
        return [
            Seen(event=event, data=data if event is sealed else event.entry(), place=place)
            for event, (sealed, data, place) in zip(opened, found, strict=True)
        ]

    def _at(self, place: str) -> Follower:
        seen, nexts = parse(place)
        return self._from(
            seen,
            [BootState(boot=boot, connected=seen, next=number, alive=True) for boot, number in nexts.items()],
        )

    def _from(self, seen: datetime, boots: Sequence[BootState]) -> Follower:
        return Follower(
            load=store.boots_since, monotonic=self._clock.monotonic, window=OVERLAP, seen=seen, boots=boots
        )
