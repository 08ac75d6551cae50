"""Forward the record to one sink, whatever happens to it, to the database or to this node."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol

from app.audit.event import Event
from app.audit.sinks import store
from app.audit.sinks.delivery import Delivery, Reveals, SetBackError
from app.audit.sinks.follow import Follower
from app.audit.sinks.metrics import SinkMetrics
from app.audit.sinks.notice import notice
from app.audit.sinks.transports import Transport
from app.audit.sinks.writing import writer
from app.config.outward.sinks import Sink
from app.core.clock import Clock
from app.core.errors import DatabaseError, DeliveryError, SallyportError
from app.jobs.leader import Leader

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
LEAD_SECONDS = 2.0
STATUS_SECONDS = 5.0
CHANGE_SECONDS = 1.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
LONGEST_RETRY_AFTER = 300.0

Connect = Callable[[], Awaitable[store.Connection]]
OpenTransport = Callable[[Mapping[str, str]], Transport]


class Posts(Protocol):
    """The record, for what forwarding says of itself."""

    def post(self, event: Event) -> None:
        """Hand over a row that nobody waits for."""
        ...


class Forwarder:
    """One sink on this node: whoever holds its lock in the database forwards, the others stand by."""

    def __init__(
        self,
        *,
        name: str,
        settings: Sink,
        connect: Connect,
        transport: OpenTransport,
        record: Posts,
        metrics: SinkMetrics,
        clock: Clock,
        random: Callable[[], float],
        reveal: Reveals | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._connect = connect
        self._transport = transport
        self._record = record
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._reveal = reveal if settings.personal == "revealed" else None
        self._write = writer(settings)
        self._failures = 0
        self._limit = settings.batch.rows
        self._looked = self._asked = 0.0

    async def run(self) -> None:
        """Forward until cancelled."""
        leader = Leader(connect=self._connect, name=f"sink {self.name}")
        try:
            while True:
                conn = await leader.connection()
                if conn is not None:
                    await self._lead(conn)
                    await leader.resign()
                await asyncio.sleep(LEAD_SECONDS)
        finally:
            await leader.resign()

    async def _lead(self, conn: store.Connection) -> None:
        """Forward until this connection, and with it the lead, is lost."""
        self._metrics.leads(self.name, leading=True)
        try:
            await self._serve(conn)
        except (store.Refused, DatabaseError, OSError) as error:
            log.warning("sink %s: the database: %s", self.name, " ".join(str(error).split()))
        except Exception:
            # Whatever a sink sends must not end forwarding.
            log.exception("sink %s: failed", self.name)
        finally:
            self._metrics.leads(self.name, leading=False)

    async def _serve(self, conn: store.Connection) -> None:
        """Forward for as long as this connection lives."""
        async with conn.transaction():
            if await store.add_sink(conn, self.name) and self._settings.start == "now":
                await store.begin_now(conn, self.name)
        while True:
            row = await store.sink_row(conn, self.name)
            if row is None:
                return  # forgotten by an operator: begin anew
            if row.paused:
                await self._look(conn)
                await asyncio.sleep(LEAD_SECONDS)
                continue
            transport = self._transport(row.state)
            try:
                await self._deliver(conn, row, transport)
            except SetBackError:
                log.info("sink %s: cursors were set back", self.name)
            except (DeliveryError, SallyportError, OSError) as error:
                if isinstance(error, DatabaseError):
                    raise
                await self._failed(conn, error)
            finally:
                await transport.aclose()

    async def _deliver(self, conn: store.Connection, row: store.SinkRow, transport: Transport) -> None:
        """Step until something fails, an operator pauses, or the cursors were set back."""

        delivery = Delivery(
            sink=self.name,
            settings=self._settings,
            generation=row.generation,
            follower=Follower(load=partial(store.boots_of_sink, self.name), monotonic=self._clock.monotonic),
            transport=transport,
            write=self._write,
            reveal=self._reveal,
        )
        while True:
            delivery.limit = self._limit
            try:
                delivered = await delivery.step(conn)
            except DeliveryError as error:
                if error.refused and self._limit > 1:
                    self._limit = max(1, self._limit // 4)
                raise
            self._passed_over(delivery)
            if delivered > 0:
                await self._succeeded(conn, delivered)
            await self._look(conn)
            if await self._changed(conn, row):
                return
            if delivered < 0:
                await asyncio.sleep(IDLE_SECONDS)

    async def _changed(self, conn: store.Connection, row: store.SinkRow) -> bool:
        """Whether an operator paused, forgot or set back the sink; asked once a second."""
        if self._clock.monotonic() - self._asked < CHANGE_SECONDS:
            return False
        self._asked = self._clock.monotonic()
        now = await store.sink_row(conn, self.name)
        return now is None or now.paused or now.generation != row.generation

    async def _succeeded(self, conn: store.Connection, rows: int) -> None:
        self._limit = min(self._settings.batch.rows, self._limit * 2)
        self._metrics.delivered(self.name, rows)
        if self._failures:
            self._failures = 0
            await store.clear_error(conn, self.name)
            log.info("sink %s: takes rows again", self.name)

    async def _failed(self, conn: store.Connection, error: SallyportError | OSError) -> None:
        """Note it and wait, longer each time, and never in step with other nodes."""
        self._failures += 1
        self._metrics.failed(self.name)
        text = " ".join(str(error).split())[:500]
        if self._failures == 1:
            log.warning("sink %s: %s", self.name, text)
        await store.set_error(conn, self.name, text)
        pause = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        pause *= 0.5 + self._random() / 2
        if isinstance(error, DeliveryError) and error.retry_after:
            pause = max(pause, min(error.retry_after, LONGEST_RETRY_AFTER))
        if isinstance(error, DeliveryError) and error.refused and self._limit > 1:
            pause = 0.0  # smaller batches find out which row it is
        end = self._clock.monotonic() + pause
        while (left := end - self._clock.monotonic()) > 0:
            await self._look(conn)
            await asyncio.sleep(min(left, LEAD_SECONDS))

    async def _look(self, conn: store.Connection) -> None:
        """Now and then measure the lag, and say when the sink falls behind or recovers."""
        if self._clock.monotonic() - self._looked < STATUS_SECONDS:
            return
        self._looked = self._clock.monotonic()
        with store.deadline(conn, store.PATIENCE):
            lag = await store.lag_of(conn, self.name)
        seconds = (self._clock.now() - lag.oldest).total_seconds() if lag.oldest else 0.0
        self._metrics.lags(self.name, rows=lag.rows, seconds=max(0.0, seconds))
        behind = seconds > self._settings.behind_after
        # Abreast again only when little is left, so that a slow sink does not say so every minute.
        decided = behind or seconds < self._settings.behind_after / 2
        if decided and await store.set_behind(conn, self.name, behind):
            self._say("behind" if behind else "recovered", rows=lag.rows, seconds=int(seconds))

    def _passed_over(self, delivery: Delivery) -> None:
        while delivery.refused:
            event = delivery.refused.pop()
            self._metrics.refused(self.name)
            self._say("refused", row=event.id, action=event.action)

    def _say(self, what: str, **body: str | int) -> None:
        log.warning("sink %s: %s %s", self.name, what, body)
        self._record.post(notice(f"record.sink.{what}", self.name, now=self._clock.now(), body=dict(body)))
