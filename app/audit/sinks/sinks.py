"""All sinks of a site: run them, see how they stand, stop them, send again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec

from app.audit.sinks import store
from app.audit.sinks.delivery import Reveals
from app.audit.sinks.forwarding import Forwarder, Posts
from app.audit.sinks.metrics import SinkMetrics
from app.audit.sinks.notice import notice
from app.audit.sinks.opening import Ways, open_transport
from app.audit.sinks.watch import Watch
from app.audit.sinks.writing import writer
from app.config.outward.sinks import Sink, SinkFilter
from app.core.clock import Clock
from app.core.errors import DatabaseError, NotFoundError
from app.core.passage import Passage

State = Literal["forwarding", "behind", "failing", "paused", "new", "not in the profile"]


class SinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a sink stands; `oldest` is when the oldest row happened that it has not got."""

    name: str
    kind: str
    where: str
    format: str
    state: State
    lag_rows: int
    oldest: datetime | None
    delivered: int
    delivered_at: datetime | None
    missing: int
    refused: int
    error: str
    error_at: datetime | None


class Sinks:
    """The sinks of the profile and those that the database remembers."""

    def __init__(
        self,
        *,
        settings: Mapping[str, Sink],
        pool: store.Pool,
        connect: Callable[[str], Awaitable[store.Connection]],
        clock: Clock,
        reveal: Reveals | None = None,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._connect = connect
        self._clock = clock
        self._reveal = reveal

    async def run(
        self, *, node: str, ways: Ways, record: Posts, metrics: SinkMetrics, random: Callable[[], float]
    ) -> None:
        """Forward to every sink that this node may lead, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, sink in self._settings.items():
                if sink.node in ("", node):
                    forwarder = Forwarder(
                        name=name,
                        settings=sink,
                        connect=partial(self._connect, f"sink {name}"),
                        transport=partial(open_transport, name, sink, ways=ways),
                        record=record,
                        metrics=metrics,
                        clock=self._clock,
                        random=random,
                        reveal=self._reveal,
                    )
                    group.create_task(forwarder.run(), name=f"sink {name}")

    async def statuses(self) -> list[SinkStatus]:
        """Every sink of the profile, and those that were there once and are still remembered."""
        async with self._connection() as conn:
            rows = {row.name: row for row in await store.sink_rows(conn)}
            lags = {name: await store.lag_of(conn, name) for name in rows}
        names = [*self._settings, *(name for name in rows if name not in self._settings)]
        return [_status(name, self._settings.get(name), rows.get(name), lags.get(name)) for name in names]

    async def status(self, name: str) -> SinkStatus:
        """One sink; NotFoundError when nobody knows it."""
        for status in await self.statuses():
            if status.name == name:
                return status
        raise _unknown(name)

    async def pause(self, passage: Passage, name: str) -> None:
        """Stop forwarding; rows wait in the record."""
        await self._set_paused(passage, name, True)

    async def resume(self, passage: Passage, name: str) -> None:
        """Go on where it stopped."""
        await self._set_paused(passage, name, False)

    async def replay(self, passage: Passage, name: str, since: datetime) -> None:
        """Send everything again that happened since; duplicates carry the same ids."""
        conn = await self._connect("replay")
        try:
            async with conn.transaction():
                if not await store.set_back(conn, name, since):
                    raise _unknown(name)
        finally:
            await conn.close()
        passage.note(result={"since": since.isoformat()})

    async def forget(self, passage: Passage, name: str) -> None:
        """Remove what the database remembers of a sink; one that is in the profile begins anew."""
        async with self._connection() as conn:
            if not await store.forget_sink(conn, name):
                raise _unknown(name)
        passage.note(result={"forgotten": name})

    async def test(self, passage: Passage, name: str, *, ways: Ways) -> str:
        """Send one row of no meaning to a sink, from this process, and say what came of it."""
        sink = self._settings.get(name)
        if sink is None:
            raise _unknown(name)
        async with self._connection() as conn:
            row = await store.sink_row(conn, name)
        event = notice("record.sink.test", name, now=self._clock.now(), body={"test": True})
        transport = open_transport(name, sink, row.state if row else {}, ways=ways)
        try:
            found = await transport.probe(writer(sink)(event, event.entry()))
        finally:
            await transport.aclose()
        passage.note(result={"row": event.id, "found": found})
        return found

    def watch(self, wanted: SinkFilter, *, place: str) -> Watch:
        """The record as it grows, from a place on or from now; InputError for a place that is none."""
        return Watch(pool=self._pool, clock=self._clock, wanted=wanted, reveal=self._reveal, place=place)

    async def lack(self, starts: datetime, ends: datetime) -> bool:
        """Whether some sink of the profile has not got a row of this time: what removes old rows waits for that."""
        async with self._connection() as conn:
            return await store.lack(conn, list(self._settings), starts, ends)

    async def oldest_undelivered(self) -> datetime | None:
        """When the first row happened that some sink of the profile has not got; None when all have all."""
        async with self._connection() as conn:
            lags = [
                await store.lag_of(conn, row.name)
                for row in await store.sink_rows(conn)
                if row.name in self._settings
            ]
        return min((lag.oldest for lag in lags if lag.oldest is not None), default=None)

    async def _set_paused(self, passage: Passage, name: str, paused: bool) -> None:
        async with self._connection() as conn:
            if not await store.set_paused(conn, name, paused):
                raise _unknown(name)
        passage.note(result={"paused": paused})

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[store.Connection]:
        try:
            async with self._pool.connection() as conn:
                yield conn
        except store.Away as error:
            raise DatabaseError(
                f"The sinks cannot be looked up: {' '.join(str(error).split()) or type(error).__name__}.",
                remedy="Try again when the database is back.",
            ) from error


def _status(name: str, sink: Sink | None, row: store.SinkRow | None, lag: store.Lag | None) -> SinkStatus:
    return SinkStatus(
        name=name,
        kind=sink.kind if sink else "",
        where=(sink.path or sink.address or sink.url) if sink else "",
        format=sink.format if sink else "",
        state=_state(sink, row),
        lag_rows=lag.rows if lag else 0,
        oldest=lag.oldest if lag else None,
        delivered=row.delivered if row else 0,
        delivered_at=row.delivered_at if row else None,
        missing=row.missing if row else 0,
        refused=row.refused if row else 0,
        error=row.error if row else "",
        error_at=row.error_at if row else None,
    )


def _state(sink: Sink | None, row: store.SinkRow | None) -> State:
    if sink is None:
        return "not in the profile"
    if row is None:
        return "new"
    if row.paused:
        return "paused"
    if row.error:
        return "failing"
    return "behind" if row.behind else "forwarding"


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no sink {name!r}.", remedy="See `sallyport sink list`.")
