"""Group commit: one writer, one connection, one statement for all rows that wait.

Rows of concurrent calls share a commit; the writer never waits for company. A batch whose statement raised may
still have committed, so its intents are refused at once and, after reconnecting, looked up: those that are there
are closed as `refused`. Outcomes are kept and written again; intents are never retried.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from app.audit import store
from app.audit.event import ENTRY_LIMIT, Event
from app.config.schema import Record
from app.core.clock import Clock
from app.core.errors import DatabaseError, RecordUnavailableError
from app.core.ids import uuid7

log = logging.getLogger(__name__)

Contents = Sequence[tuple[str, bytes]]

BATCH_ROWS = 512
BATCH_BYTES = 4 * 1024 * 1024
KEPT_OUTCOMES = 20_000
_AWAY = "The record cannot be written: the database does not answer."


class _Row:
    """One event on its way, and who waits for it."""

    __slots__ = ("contents", "event", "waiter")

    def __init__(self, event: Event, contents: Contents, waiter: asyncio.Future[None] | None) -> None:
        self.event = event
        self.contents = contents
        self.waiter = waiter

    def done(self) -> None:
        """Wake the waiter: committed."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def failed(self, error: Exception) -> None:
        """Wake the waiter: not known to be committed."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    @property
    def abandoned(self) -> bool:
        """An intent whose call has gone away while it waited."""
        return self.event.kind == "intent" and self.waiter is not None and self.waiter.cancelled()


class Recorder:
    """The one writer of this process. `run` must be running; `write` and `post` may be called from anywhere in the loop."""

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[store.Connection]],
        node: str,
        boot: UUID,
        clock: Clock,
        settings: Record,
    ) -> None:
        self.node = node
        self.boot = boot
        self.available = False
        self.ready = asyncio.Event()
        self._connect = connect
        self._clock = clock
        self._settings = settings
        self._rows: deque[_Row] = deque()
        self._doubt: list[_Row] = []
        self._wake = asyncio.Event()
        self._seq = 0
        self._closing = False

    @property
    def waiting(self) -> int:
        """Rows not yet committed."""
        return len(self._rows) + len(self._doubt)

    async def write(self, event: Event, contents: Contents = ()) -> None:
        """Return once the event is committed; RecordUnavailableError if that is not certain."""
        if event.kind in ("intent", "denial"):
            if not self.available:
                raise RecordUnavailableError(_AWAY)
            if len(self._rows) >= self._settings.waiting:
                raise RecordUnavailableError(
                    "The record is behind: too many calls wait for it.", retry_after=1
                )
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._append(_Row(event, contents, waiter))
        if not self.available:
            # An outcome: it is kept, but its answer must not wait for the database's return.
            raise RecordUnavailableError("The call was dispatched, but its outcome is not recorded yet.")
        await waiter

    def post(self, event: Event, contents: Contents = ()) -> None:
        """Hand over an outcome nobody waits for; it is kept until it is committed."""
        self._append(_Row(event, contents, None))

    def _append(self, row: _Row) -> None:
        if len(self._rows) >= KEPT_OUTCOMES:
            self._rows.popleft().failed(RecordUnavailableError(_AWAY))
            log.error(
                "outcomes dropped while the database is away; the next start closes these calls as lost"
            )
        self._rows.append(row)
        self._wake.set()

    async def run(self) -> None:
        """Write until `close`, reconnecting by itself."""
        pause = 0.05
        while not (self._closing and not self.waiting):
            try:
                conn = await self._open()
            except (DatabaseError, store.Refused, OSError, TimeoutError) as error:
                log.warning("record: %s", error)
                self._refuse(RecordUnavailableError(_AWAY))
                if self._closing:
                    break
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
                continue
            pause = 0.05
            try:
                await self._serve(conn)
            finally:
                self.available = False
                await conn.close()

    def close(self) -> None:
        """Write what waits, then end `run`."""
        self._closing = True
        self._wake.set()

    async def _open(self) -> store.Connection:
        async with asyncio.timeout(self._settings.commit_timeout * 2):
            conn = await self._connect()
            try:
                await store.lock_boot(conn, lock_key(self.boot))
                await store.insert_boot(conn, self.boot, self.node, self._clock.now())
                await store.ensure_partitions(conn)
                await self._resolve_doubt(conn)
            except BaseException:
                await conn.close()
                raise
        self.available = True
        self.ready.set()
        return conn

    async def _serve(self, conn: store.Connection) -> None:
        try:
            while True:
                if not self._rows:
                    if self._closing:
                        return
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                await self._commit(conn, self._take())
        except (store.Refused, OSError, TimeoutError) as error:
            self.available = False
            log.warning("record: connection lost: %s", error or type(error).__name__)
            self._refuse(RecordUnavailableError(_AWAY))

    def _take(self) -> list[_Row]:
        batch: list[_Row] = []
        size = 0
        while self._rows and len(batch) < BATCH_ROWS and size < BATCH_BYTES:
            row = self._rows.popleft()
            if row.abandoned:
                continue
            batch.append(row)
            size += sum(len(data) for _, data in row.contents) + 512
        return batch

    async def _commit(self, conn: store.Connection, batch: list[_Row]) -> None:
        if not batch:
            return
        self._doubt = batch
        try:
            async with asyncio.timeout(self._settings.commit_timeout):
                await self._insert(conn, batch)
        except store.Lost:
            raise
        except store.Refused as error:
            if conn.broken or conn.closed:
                raise
            await self._commit_singly(conn, batch, error)
            return
        self._seq += len(batch)
        self._doubt = []
        self._committed(batch)

    async def _insert(self, conn: store.Connection, batch: list[_Row]) -> None:
        entries = self._number(batch)
        contents = [content for row in batch for content in row.contents]
        if not contents:
            await store.insert_events(conn, entries)
            return
        async with conn.transaction():
            for name, data in contents:
                await store.insert_content(conn, name, data)
            await store.insert_events(conn, entries)

    def _number(self, batch: list[_Row]) -> str:
        """Give each row its gap-free place and return the JSON array of canonical entries."""
        entries = []
        node, boot = self.node, str(self.boot)
        for seq, row in enumerate(batch, self._seq):
            row.event.node, row.event.boot, row.event.seq = node, boot, seq
            entry = row.event.entry()
            if len(entry) > ENTRY_LIMIT:
                row.event.body = {"truncated": len(entry)}
                entry = row.event.entry()
            entries.append(entry)
        return (b"[" + b",".join(entries) + b"]").decode()

    async def _commit_singly(self, conn: store.Connection, batch: list[_Row], error: store.Refused) -> None:
        """One row of the batch cannot be stored; nobody else's may suffer for it."""
        if len(batch) == 1:
            self._doubt = []
            log.error("record: a row was refused by the database: %s", error)
            row = batch[0]
            if row.event.kind == "intent" or not row.event.body:
                row.failed(RecordUnavailableError("This call cannot be recorded, so it is refused."))
                return
            row.event.body = {"unrecordable": str(error)[:500]}
            row.contents = ()
        for row in batch:
            await self._commit(conn, [row])

    def _committed(self, batch: list[_Row]) -> None:
        for row in batch:
            if row.abandoned:
                self._close_refused(row.event)
            else:
                row.done()

    def _refuse(self, error: RecordUnavailableError) -> None:
        """Fail every intent that waits; keep outcomes for the next connection."""
        kept: deque[_Row] = deque()
        for row in self._rows:
            row.failed(error)
            if row.event.kind not in ("intent", "denial"):
                kept.append(row)
        self._rows = kept
        for row in self._doubt:
            row.failed(error)

    async def _resolve_doubt(self, conn: store.Connection) -> None:
        """Find out whether the batch in flight had been committed; a batch is all or nothing."""
        batch, self._doubt = self._doubt, []
        if not batch:
            return
        first = batch[0].event
        try:
            there = await store.event_exists(conn, first.id, first.time)
        except BaseException:
            self._doubt = batch
            raise
        if not there:
            self._rows.extendleft(
                row for row in reversed(batch) if row.event.kind not in ("intent", "denial")
            )
            return
        self._seq += len(batch)
        for row in batch:
            if row.event.kind == "intent":
                self._close_refused(row.event)

    def _close_refused(self, intent: Event) -> None:
        """The intent is in the record but its call was never dispatched."""
        now = self._clock.now()
        self.post(
            Event(
                id=str(uuid7(now_us=int(now.timestamp() * 1_000_000))),
                time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                kind="outcome",
                call=intent.id,
                trace_id=intent.trace_id,
                span_id=intent.span_id,
                action=intent.action,
                status="refused",
                body={"error": "The intent was committed in doubt; nothing was dispatched."},
            )
        )


def lock_key(boot: UUID) -> int:
    """The advisory lock that a boot's writer holds while it lives."""
    return boot.int >> 65
