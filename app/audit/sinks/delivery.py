"""One run of deliveries to one sink: read, write, send, and move the cursors after what was acknowledged."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from app.audit.event import Event
from app.audit.sinks import store
from app.audit.sinks.follow import Batch, Follower
from app.audit.sinks.store import BootState, Progress, StoredRow
from app.audit.sinks.transports import Transport
from app.audit.sinks.writing import Write, wants
from app.config.outward.sinks import Sink
from app.core import crash
from app.core.canonical import canonical
from app.core.errors import DeliveryError


class Reveals(Protocol):
    """Opens what is sealed under a person's key, where it can be opened."""

    async def events(self, events: Sequence[Event]) -> list[Event]:
        """The rows as people may read them, those without sealed values as they are."""
        ...


WINDOW = 32
"""Sends that may wait for their acknowledgement at once."""


class SetBackError(Exception):
    """The cursors were set back by an operator: begin again from the database."""


class _Sent(msgspec.Struct, kw_only=True):
    """What an acknowledgement settles; `rows` 0 needs none."""

    nexts: dict[UUID, int]
    drained: list[BootState]
    rows: int
    missing: int = 0
    refused: int = 0


class Delivery:
    """State of one run; after any failure it is thrown away, and the next begins at the cursors."""

    def __init__(
        self,
        *,
        sink: str,
        settings: Sink,
        generation: int,
        follower: Follower,
        transport: Transport,
        write: Write,
        reveal: Reveals | None,
    ) -> None:
        self._sink = sink
        self._settings = settings
        self._generation = generation
        self._follower = follower
        self._transport = transport
        self._write = write
        self._reveal = reveal
        self._sent: deque[_Sent] = deque()
        self.limit = settings.batch.rows
        self.refused: list[Event] = []
        """Rows passed over since this was last looked at."""

    async def step(self, conn: store.Connection) -> int:
        """Do what can be done now; how many rows were acknowledged, or -1 when there was nothing to do."""
        settled = await self._settle(conn, wait=False)
        if len(self._sent) < WINDOW:
            await self._follower.look(conn)
            batch = await self._follower.read(conn, limit=self.limit, size=self._settings.batch.bytes)
            if batch.rows or batch.drained:
                await self._send(batch)
                self._follower.advance(batch)
                return settled + await self._settle(conn, wait=False)
        if self._sent:
            return settled + await self._settle(conn, wait=True)
        return settled or -1

    async def _send(self, batch: Batch) -> None:
        """Send the batch in pieces that the other side takes at once."""
        for rows in _pieces(batch.rows, most=self.limit, size=self._settings.batch.bytes):
            chosen = await self._chosen(rows)
            sent = _Sent(nexts={row.boot: row.seq + 1 for row in rows}, drained=[], rows=len(chosen))
            if chosen:
                sent.refused = await self._hand_over(chosen)
                sent.rows -= sent.refused
            self._sent.append(sent)
            if __debug__:
                crash.at("sinks.after_send")
        self._sent.append(_Sent(nexts=batch.nexts, drained=batch.drained, rows=0, missing=batch.missing))

    async def _chosen(self, rows: Sequence[StoredRow]) -> list[tuple[Event, bytes]]:
        """The rows that this sink gets, each with its bytes: the stored ones unless something was opened in it."""
        events = [(msgspec.json.decode(row.entry, type=Event), row.entry) for row in rows]
        chosen = [pair for pair in events if wants(self._settings.filter, pair[0])]
        if self._reveal is None or not chosen:
            return chosen
        opened = await self._reveal.events([event for event, _ in chosen])
        return [
            (event, entry) if event is sealed else (event, event.entry())
            for event, (sealed, entry) in zip(opened, chosen, strict=True)
        ]

    async def _hand_over(self, chosen: Sequence[tuple[Event, bytes]]) -> int:
        """Send; how many rows were passed over. A batch that is refused is tried in smaller ones by the next run."""
        try:
            await self._transport.send([self._write(event, entry) for event, entry in chosen])
        except DeliveryError as error:
            if not error.refused or len(chosen) > 1 or self._settings.refused == "hold":
                raise
            self.refused.append(chosen[0][0])
            return 1
        return 0

    async def _settle(self, conn: store.Connection, *, wait: bool) -> int:
        """Take acknowledgements in and write the cursors; the rows that are delivered by them."""
        count = await self._transport.acknowledged(wait=wait and bool(self._sent and self._sent[0].rows))
        done: list[_Sent] = []
        while self._sent and (count or not self._sent[0].rows):
            count -= bool(self._sent[0].rows)
            done.append(self._sent.popleft())
        if done:
            if __debug__:
                crash.at("sinks.before_cursors")
            await self._save(conn, done)
            if __debug__:
                crash.at("sinks.after_cursors")
        return sum(sent.rows for sent in done)

    async def _save(self, conn: store.Connection, done: Sequence[_Sent]) -> None:
        nexts = {boot: number for sent in done for boot, number in sent.nexts.items()}
        drained = [state for sent in done for state in sent.drained]
        progress = Progress(
            delivered=sum(sent.rows for sent in done),
            missing=sum(sent.missing for sent in done),
            refused=sum(sent.refused for sent in done),
            state=canonical(dict(self._transport.state)).decode(),
        )
        with store.deadline(conn, store.PATIENCE):
            await self._write_down(conn, progress, nexts, drained)

    async def _write_down(
        self,
        conn: store.Connection,
        progress: Progress,
        nexts: dict[UUID, int],
        drained: Sequence[BootState],
    ) -> None:
        async with conn.transaction():
            if not await store.note_progress(conn, self._sink, self._generation, progress):
                raise SetBackError
            if nexts:
                await store.move_cursors(conn, self._sink, list(nexts), list(nexts.values()))
            if drained:
                boots = [state.boot for state in drained]
                await store.end_boots(conn, self._sink, boots, [state.connected for state in drained])


def _pieces(rows: Sequence[StoredRow], *, most: int, size: int) -> Iterator[Sequence[StoredRow]]:
    """Consecutive rows, at most so many and so many bytes of entries, always at least one."""
    first = taken = 0
    for number, row in enumerate(rows):
        if number > first and (number - first >= most or taken + len(row.entry) > size):
            yield rows[first:number]
            first, taken = number, 0
        taken += len(row.entry)
    if rows:
        yield rows[first:]
