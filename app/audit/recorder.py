"""Group commit: one writer, one connection, one statement for all rows that wait.

Rows of concurrent calls share a commit; the writer never waits for company. A batch whose statement raised may
still have committed, so its intents are refused at once and, after reconnecting, looked up: those that are there
are closed as `refused`. Outcomes are kept and written again; intents are never retried.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from app.audit import store
from app.audit.event import Event
from app.audit.rows import Contents, Row, closing, numbered
from app.config.schema import Record
from app.core import crash
from app.core.clock import Clock
from app.core.errors import DatabaseError, RecordUnavailableError

log = logging.getLogger(__name__)

BATCH_ROWS = 512
BATCH_BYTES = 4 * 1024 * 1024
KEPT_OUTCOMES = 20_000
_PAUSE = 0.05
_IDLE_SECONDS = 2.0
_AWAY = "The record cannot be written: the database does not answer."


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
        redact: Callable[[Any], Any] | None = None,
    ) -> None:
        self.node = node
        self.boot = boot
        self.available = False
        self.ready = asyncio.Event()
        self._connect = connect
        self._clock = clock
        self._settings = settings
        self._redact = redact
        self._rows: deque[Row] = deque()
        self._doubt: list[Row] = []
        self._wake = asyncio.Event()
        self._seq = 0
        self._alone = 0
        self._closing = False

    @property
    def waiting(self) -> int:
        """Rows not yet committed."""
        return len(self._rows) + len(self._doubt)

    def require(self) -> None:
        """RecordUnavailableError at once while an intent could not be written anyway."""
        if not self.available:
            raise RecordUnavailableError(_AWAY)
        if len(self._rows) >= self._settings.waiting:
            raise RecordUnavailableError("The record is behind: too many calls wait for it.", retry_after=1)

    async def write(self, event: Event, contents: Contents = ()) -> None:
        """Return once the event is committed; RecordUnavailableError if that is not certain."""
        if event.kind in ("intent", "denial"):
            self.require()
        if not self.available:
            # An outcome: it is kept, but its answer must not wait for the database's return.
            self.post(event, contents)
            raise RecordUnavailableError("The call was dispatched, but its outcome is not recorded yet.")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._append(Row(event, contents, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            committed = waiter.done() and not waiter.cancelled() and waiter.exception() is None
            if event.kind == "intent" and committed:
                self._close_refused(event)  # committed at the very moment its call went away
            raise

    def post(self, event: Event, contents: Contents = ()) -> None:
        """Hand over an outcome nobody waits for; it is kept until it is committed."""
        self._append(Row(event, contents, None))

    def _append(self, row: Row) -> None:
        if row.event.kind == "event" and self._redact is not None:
            row.event.body = self._redact(row.event.body)
        if len(self._rows) >= KEPT_OUTCOMES:
            self._rows.popleft().failed(RecordUnavailableError(_AWAY))
            log.error(
                "outcomes dropped while the database is away; the next start closes these calls as lost"
            )
        self._rows.append(row)
        self._wake.set()

    async def run(self) -> None:
        """Write until `close`, reconnecting by itself."""
        pause = _PAUSE
        while not (self._closing and not self.waiting):
            try:
                conn = await self._open()
            except (DatabaseError, store.Refused, OSError) as error:
                log.warning("record: %s", error)
                self._refuse(_AWAY)
                written = False
            else:
                try:
                    written = await self._serve(conn)
                finally:
                    self.available = False
                    await conn.close()
            if written:
                pause = _PAUSE
                continue
            if self._closing:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    def close(self) -> None:
        """Write what waits, then end `run`."""
        self._closing = True
        self._wake.set()

    async def _open(self) -> store.Connection:
        conn = await self._connect()
        try:
            with store.deadline(conn, self._settings.commit_timeout):
                await store.lock_boot(conn, lock_key(self.boot))
                if __debug__:
                    crash.at("record.before_boot")
                await store.insert_boot(conn, self.boot, self.node, self._clock.now())
                if __debug__:
                    crash.at("record.after_boot")
                await store.ensure_partitions(conn)
                await self._resolve_doubt(conn)
        except BaseException:
            await conn.close()
            raise
        self.available = True
        self.ready.set()
        return conn

    async def _serve(self, conn: store.Connection) -> bool:
        """Commit what comes until the connection fails or all is written; whether anything was."""
        before = self._seq
        try:
            while self._rows or not self._closing:
                if self._rows:
                    await self._commit(conn, self._take())
                else:
                    await self._idle(conn)
        except (store.Refused, OSError) as error:
            self.available = False
            log.warning("record: connection lost: %s", " ".join(str(error).split()) or type(error).__name__)
            self._refuse(_AWAY)
        return self._seq > before

    async def _idle(self, conn: store.Connection) -> None:
        """Wait for a row; a silent database is asked now and then, so that readiness tells the truth."""
        self._wake.clear()
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            with store.deadline(conn, self._settings.commit_timeout):
                await store.verify_writable(conn)

    def _take(self) -> list[Row]:
        """The next rows for one commit; one at a time after a batch held a row that cannot be stored."""
        most = 1 if self._alone else BATCH_ROWS
        batch: list[Row] = []
        size = 0
        while self._rows and len(batch) < most and size < BATCH_BYTES:
            row = self._rows.popleft()
            self._alone = max(0, self._alone - 1)
            if row.abandoned:
                continue
            batch.append(row)
            size += sum(len(data) for _, data in row.contents) + 512
        return batch

    async def _commit(self, conn: store.Connection, batch: list[Row]) -> None:
        if not batch:
            return
        self._doubt = batch
        try:
            with store.deadline(conn, self._settings.commit_timeout):
                await self._insert(conn, batch)
        except store.Unstorable as error:
            if conn.broken or conn.closed:
                raise
            self._doubt = []
            if len(batch) == 1:
                self._drop(batch[0], error)
            else:
                # Nobody else's row may suffer for the one.
                self._alone = len(batch)
                self._rows.extendleft(reversed(batch))
            return
        if __debug__:
            crash.at("record.after_commit")
        self._seq += len(batch)
        self._doubt = []
        self._committed(batch)

    async def _insert(self, conn: store.Connection, batch: list[Row]) -> None:
        entries = numbered(batch, node=self.node, boot=str(self.boot), first=self._seq)
        contents = [content for row in batch for content in row.contents]
        sealed_for = list({subject for row in batch for subject in row.event.sealed_for})
        if __debug__:
            crash.at("record.before_statement")
        if not contents:
            await store.insert_events(conn, entries, sealed_for)
            return
        async with conn.transaction():
            for name, data in contents:
                await store.insert_content(conn, name, data)
            await store.insert_events(conn, entries, sealed_for)
            if __debug__:
                crash.at("record.before_commit")

    def _drop(self, row: Row, error: Exception) -> None:
        """A row that the database will never take: refuse its call, or keep an outcome without its body."""
        reason = " ".join(str(error).split())[:500]
        log.error("record: a row cannot be stored: %s", reason)
        if row.event.kind == "intent" or "unrecordable" in row.event.body:
            row.failed(RecordUnavailableError("This call cannot be recorded, so it is refused."))
            return
        row.event.body = {"unrecordable": reason}
        row.contents = ()
        self._rows.appendleft(row)
        self._alone = 1

    def _committed(self, batch: list[Row]) -> None:
        for row in batch:
            if row.abandoned:
                self._close_refused(row.event)
            else:
                row.done()

    def _refuse(self, reason: str) -> None:
        """Fail every intent that waits; keep outcomes for the next connection."""
        kept: deque[Row] = deque()
        for row in self._rows:
            row.failed(RecordUnavailableError(reason))
            if row.event.kind not in ("intent", "denial"):
                kept.append(row)
        self._rows = kept
        for row in self._doubt:
            row.failed(RecordUnavailableError(reason))

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
        error = "The intent was committed in doubt; nothing was dispatched."
        self.post(closing(intent, kind="outcome", status="refused", error=error, now=self._clock.now()))


def lock_key(boot: UUID) -> int:
    """The advisory lock that a boot's writer holds while it lives."""
    return boot.int >> 65
