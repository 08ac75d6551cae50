"""One tree of the database: its head, tiles, kept checkpoints, and every row at its leaf."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from app.audit.verify.notes import Key, Trust
from app.audit.verify.rows import Rows, claims
from app.audit.verify.statements import Dropped
from app.audit.verify.stored import store
from app.audit.verify.tree import HASH, WIDTH, leaf_hash, tile_path, tile_width
from app.audit.verify.unreadable import Unreadable
from app.audit.verify.walk import Hashes, Walk

BATCH = 8 * WIDTH
_Batch = tuple[int, list[store.Row]]


class Connections(msgspec.Struct, frozen=True):
    """Two connections without a deadline: one reads rows ahead while the other answers single questions."""

    ahead: store.Connection
    other: store.Connection


class StoredTree:
    """Verifies one epoch; memory holds three batches of rows, and the ranges of rows that are absent."""

    def __init__(
        self, epoch: store.Epoch, connections: Connections, trust: Trust, rows: Rows, dropped: Dropped
    ) -> None:
        self.epoch = epoch
        self.report = rows.report
        self.last = True
        self.witnesses: Sequence[Key] = ()
        self.absent = 0
        self._size = 0
        self._ahead = connections.ahead
        self._conn = connections.other
        self._trust = trust
        self._rows = rows
        self._dropped = dropped

    async def verify(
        self, outside: list[tuple[str, int, bytes]], progress: Callable[[int, int], None]
    ) -> None:
        """Everything of the tree up to the head that it had when this began."""
        size, root = self._head()
        self._size = size
        walk = Walk(self.report, size, root, self._tile)
        for name, wanted, hashed in outside:
            self._outside(walk, name, wanted, hashed)
        await walk.upper()
        for stray in await store.stray_tiles(self._conn, self.epoch.epoch):
            what = "the tile is longer or shorter than the tree asks for"
            self.report.fault(what, file=tile_path(stray.level, stray.index, WIDTH))
        for beyond in await store.stray_checkpoints(self._conn, self.epoch.epoch):
            self.report.fault(f"the checkpoint of {beyond} is newer than the head", file=self.epoch.origin)
        try:
            await self._all_rows(walk, size, progress)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        await self._checkpoints(walk, size, size + 1)
        walk.finish()

    async def _all_rows(self, walk: Walk, size: int, progress: Callable[[int, int], None]) -> None:
        queue: asyncio.Queue[_Batch | None] = asyncio.Queue(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(size, queue))
            while (batch := await queue.get()) is not None:
                await self._batch(walk, *batch)
                progress(min(size, batch[0] + BATCH), size)

    def _head(self) -> tuple[int, bytes]:
        epoch, name = self.epoch, f"the head of {self.epoch.origin}"
        try:
            found = self._trust.checkpoint(
                epoch.note.encode(), name, witnesses=self.witnesses, old=not self.last
            )
        except Unreadable as error:
            raise Unreadable(f"{name}: {error}") from None
        if found != (epoch.origin, epoch.size, epoch.root):
            self.report.fault(f"{name} has other columns than its signed note", file=name)
        return found[1], found[2]

    def _outside(self, walk: Walk, name: str, size: int, root: bytes) -> None:
        if size <= walk.size:
            walk.expect(size, root, name)
        elif self.last:
            self.report.fault(
                f"the database is older than {name}: that has {size} rows, the database {walk.size}",
                file=name,
            )
        else:
            self.report.notices.append(f"{name} has rows that a declared restore has lost")

    async def _tile(self, level: int, number: int) -> Hashes | None:
        width = tile_width(self._size, level, number)
        data = await store.tile(self._conn, self.epoch.epoch, level, number)
        name = tile_path(level, number, width)
        if data is None or len(data) < HASH * width or len(data) % HASH:
            self.report.fault("the tile is missing or too short", file=name)
            return None
        return [data[i : i + HASH] for i in range(0, HASH * width, HASH)]

    async def _read(self, size: int, queue: "asyncio.Queue[_Batch | None]") -> None:
        """Rows in batches, one ahead of what is being checked."""
        for first in range(0, size, BATCH):
            end = min(first + BATCH, size)
            hashes = await store.leaf_hashes(self._ahead, self.epoch.epoch, first // WIDTH, -(-end // WIDTH))
            await queue.put((first, await store.rows(self._ahead, self.epoch.epoch, first, end, hashes)))
        await queue.put(None)

    async def _batch(self, walk: Walk, first: int, rows: list[store.Row]) -> None:
        await self._checkpoints(walk, first, min(first + BATCH, walk.size))
        at = 0
        for number in range(first // WIDTH, min(-(-(first + BATCH) // WIDTH), walk.tiles)):
            hashes = await walk.tile(0, number)
            if hashes is None:
                raise Unreadable(f"the rows from leaf {number * WIDTH} on could not be checked")
            end = number * WIDTH + len(hashes)
            begin = at
            while at < len(rows) and rows[at].leaf < end:
                at += 1
            await self._leaves(number * WIDTH, hashes, rows[begin:at])
            await walk.step(number, hashes)
        await self._beside()

    async def _leaves(self, start: int, hashes: Hashes, rows: list[store.Row]) -> None:
        expected = start
        for row in rows:
            if row.leaf < expected:
                await self._fault("a second row with the place of another", row, nth=1)
                continue
            if row.leaf > expected:
                await self._absent(expected, row.leaf)
            expected = row.leaf + 1
            if leaf_hash(row.entry) != hashes[row.leaf - start]:
                await self._fault("the row was edited", row)
                continue
            if not row.same and (differing := await self._differing(row)):
                await self._fault(f"columns differ from the entry: {differing}", row)
            self._rows.add(row.leaf, row.entry)
        if expected < start + len(hashes):
            await self._absent(expected, start + len(hashes))

    async def _fault(self, what: str, row: store.Row, *, nth: int = 0) -> None:
        """With the place that the columns say, and the node that the entry names."""
        found = await store.stored_at(self._conn, self.epoch.epoch, row.leaf)
        place = claims(row.entry)
        if nth < len(found):
            one = found[nth]
            place |= {"id": str(one.id), "boot": str(one.boot), "seq": one.seq}
        self.report.fault(what, leaf=row.leaf, **place)

    async def _differing(self, row: store.Row) -> str:
        (one, *_) = await store.stored_at(self._conn, self.epoch.epoch, row.leaf)
        return ", ".join(await store.differing_columns(self._conn, one.boot, one.seq, row.entry))

    async def _absent(self, first: int, end: int) -> None:
        for leaf in range(first, end):
            if self._dropped.covers(self.epoch.epoch, leaf):
                self.absent += 1
                continue
            run = await store.run_at(self._conn, self.epoch.epoch, leaf)
            place = {} if run is None else {"boot": str(run.boot), "seq": run.seq + leaf - run.leaf}
            self.report.fault("the row was removed", leaf=leaf, **place)

    async def _beside(self) -> None:
        wanted = dict(self._rows.contents)
        self._rows.contents.clear()
        if wanted:
            for digest in await store.missing_contents(self._conn, list(wanted)):
                self.report.fault(f"the content {digest} of the row is missing", **wanted[digest].named())

    async def _checkpoints(self, walk: Walk, first: int, end: int) -> None:
        for kept in await store.checkpoints(self._conn, self.epoch.epoch, first, end):
            name = f"the checkpoint of {kept.size}"
            try:
                data = (kept.note + kept.lines).encode()
                origin, size, root = self._trust.checkpoint(data, name, witnesses=self.witnesses)
            except Unreadable as error:
                self.report.fault(f"{name}: {error}", file=name)
                continue
            if (origin, size, root) != (self.epoch.origin, kept.size, kept.root):
                self.report.fault(f"{name} has other columns than its signed note", file=name)
            if size == kept.size:
                walk.expect(size, root, name)
