"""Retention: what is older than its class may be is removed, a month at a time and under signed statements."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from app.audit.event import Event
from app.audit.retention import store
from app.audit.statement import Statements, happened
from app.config.schema import Retention as Settings
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConflictError
from app.core.passage import Passage

log = logging.getLogger(__name__)

RUN = "admin.retention.run"
EVENT = "record.drop"
CLASSES = ("anonymous", "reads", "ai", "tools", "admin", "rest")
MOST_RANGES = 2000
"""Runs of leaves that one statement names: it must fit an entry of the record."""
MOST_STAYING = 10_000
"""Rows that are put back at most when a month goes as a table (audit_remove)."""
_HASHED_AT_ONCE = 4096
_SEAL_SECONDS = 30.0
_LOOK_BACK = timedelta(days=1)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A month of which some classes are over: rows that would go, and those that stay, with the reason."""

    month: datetime
    classes: tuple[str, ...]
    rows: int
    held: int
    unsealed: int
    whole: bool
    """Whether the month goes as a table, so little stays of it."""


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What one statement removed."""

    statement: UUID
    month: datetime
    classes: tuple[str, ...]
    rows: int


class Retention:
    """Plans and runs. One run at a time in all nodes."""

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[store.Connection]],
        clock: Clock,
        settings: Settings,
        write: Callable[[Event], Awaitable[None]],
        statements: Statements,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._settings = settings
        self._write = write
        self._statements = statements
        self._empty: dict[datetime, set[str]] = {}
        self._mirrored: set[str] = set()
        self._awaited: Callable[[datetime, datetime], Awaitable[bool]] = _by_nobody

    def wait_for(self, awaited: Callable[[datetime, datetime], Awaitable[bool]]) -> None:
        """Leave a month alone while somebody has not got some of its rows."""
        self._awaited = awaited

    async def plan(self) -> list[Due]:
        """What is due now, oldest month first; classes that are done are left out until a hold is lifted."""
        async with await self._connect() as conn:
            return await self._plan(conn)

    async def status(self) -> list[store.Removal]:
        """What was removed, newest first."""
        async with await self._connect() as conn:
            return await store.removals(conn, limit=1000)

    async def run(self, passage: Passage) -> list[Removed]:
        """Remove what is due; ConflictError while another run is under way or nothing seals."""
        if passage.call.action != RUN or passage.settled:
            raise ValueError(f"a passage for {passage.call.action} cannot do {RUN}")
        removed: list[Removed] = []
        async with await self._connect() as conn:
            if not await store.lock_retention(conn):
                raise ConflictError("Retention is running already.", remedy="Wait for it to end.")
            for due in await self._plan(conn):
                while one := await self._remove_some(conn, passage, due):
                    removed.append(one)
            await self._sweep(conn)
        return removed

    async def finish(self) -> None:
        """Look at the contents of removals whose run ended before it did; without them the next run may be far away."""
        async with await self._connect() as conn:
            await self._sweep(conn)

    async def mirror(self) -> None:
        """Have the statements of other nodes in this node's file too."""
        async with await self._connect() as conn:
            for removal in await store.removals(conn, limit=100_000):
                if str(removal.statement) not in self._mirrored:
                    if (entry := await store.entry(conn, removal.statement)) is not None:
                        await self._statements.append(msgspec.json.decode(entry, type=Event))
                    self._mirrored.add(str(removal.statement))

    async def _plan(self, conn: store.Connection) -> list[Due]:
        now = self._clock.now()
        found: list[Due] = []
        for month in await store.months(conn):
            over = {name for name in CLASSES if self._over(name, month.ends, now)}
            over -= self._empty.get(month.month, set())
            if not over:
                continue
            counts = await store.counts(conn, month.month, month.ends)
            due = [count for count in counts if count.name in over]
            # Nothing comes into a month that is over: what is empty need not be counted again.
            self._empty.setdefault(month.month, set()).update(over - {count.name for count in due})
            if due and await self._awaited(month.month, month.ends):
                log.info("retention: %s stays, a sink has not got all of it", f"{month.month:%Y-%m}")
            elif due:
                found.append(_due(month, counts, due))
        return found

    def _over(self, name: str, ends: datetime, now: datetime) -> bool:
        days = getattr(self._settings, name)
        return isinstance(days, int) and ends + timedelta(days=days) <= now

    async def _remove_some(self, conn: store.Connection, passage: Passage, due: Due) -> Removed | None:
        """State and remove as much of a month as one statement can name; None when nothing is left that may go."""
        ends = (due.month + timedelta(days=32)).replace(day=1)
        found = await store.ranges(conn, due.month, ends, list(due.classes), limit=MOST_RANGES + 1)
        if not found:
            return None
        epoch = found[0].epoch
        named = [one for one in found if one.epoch == epoch][:MOST_RANGES]
        rows = sum(one.ends - one.first for one in named)
        said: dict[str, Any] = {
            "statement": "drop", "month": due.month.isoformat(), "classes": list(due.classes), "epoch": epoch,
            "leaves": [[one.first, one.ends] for one in named], "rows": rows, "held": due.held,
            "whole": due.whole and len(named) == len(found), "sha256": await self._hash(conn, named),
        }  # fmt: skip
        event = happened(passage, EVENT, ("record", f"{due.month:%Y-%m}"), said, now=self._clock.now())
        await self._write(event)
        if __debug__:
            crash.at("retention.after_event")
        await self._sealed(conn, UUID(event.id))
        if __debug__:
            crash.at("retention.after_seal")
        await self._statements.append(event)
        if __debug__:
            crash.at("retention.after_statement")
        gone = await store.remove(conn, UUID(event.id))
        if __debug__:
            crash.at("retention.after_removal")
        log.info("retention: %d rows of %s removed under statement %s", gone, said["month"], event.id)
        return Removed(statement=UUID(event.id), month=due.month, classes=due.classes, rows=gone)

    async def _hash(self, conn: store.Connection, named: list[store.Range]) -> str:
        """SHA-256 over the leaf hashes of what goes, in the order of the tree."""
        whole = hashlib.sha256()
        for one in named:
            for start in range(one.first, one.ends, _HASHED_AT_ONCE):
                for leaf in await store.leaf_hashes(conn, one, start=start, limit=_HASHED_AT_ONCE):
                    whole.update(leaf)
        return whole.hexdigest()

    async def _sealed(self, conn: store.Connection, event: UUID) -> None:
        """Wait until the statement is a leaf itself: nothing goes under a statement that could be denied."""
        ends = self._clock.monotonic() + _SEAL_SECONDS
        while not await store.is_sealed(conn, event):
            if self._clock.monotonic() > ends:
                raise ConflictError(
                    "Nothing was removed: the statement was not sealed in time.",
                    remedy="Start the site, look at its alarms, and run retention again.",
                )
            await asyncio.sleep(0.1)

    async def _sweep(self, conn: store.Connection) -> None:
        """Remove contents beside the entries that nobody refers to any more."""
        for statement in await store.unswept(conn):
            since = self._clock.now() - _LOOK_BACK
            candidates = await store.unreferenced(conn, statement)
            await store.sweep(
                conn, statement, candidates, since=UUID(int=int(since.timestamp() * 1000) << 80)
            )


async def _by_nobody(starts: datetime, ends: datetime) -> bool:
    return False


def _due(month: store.Month, counts: list[store.Count], due: list[store.Count]) -> Due:
    free = sum(one.free for one in due)
    staying = sum(one.rows for one in counts) - free
    return Due(
        month=month.month,
        classes=tuple(one.name for one in due),
        rows=free,
        held=sum(one.held for one in due),
        unsealed=sum(one.unsealed for one in due),
        whole=month.partition and staying <= min(MOST_STAYING, free),
    )
