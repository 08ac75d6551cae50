"""Verifying the record where it stands: every stored row, the trees, their heads, and what was published outside."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from app.audit.verify import notes
from app.audit.verify.anchors import Anchors
from app.audit.verify.notes import ROTATION, Key, Trust
from app.audit.verify.report import Report
from app.audit.verify.rows import Rows, claims
from app.audit.verify.statements import Dropped
from app.audit.verify.stored import store
from app.audit.verify.stored.tree import Connections, StoredTree
from app.audit.verify.unreadable import Unreadable
from app.core.errors import DatabaseError

_BATCH = 256
_CONTENTS = 16


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the database: checkpoints by the place where they were found, statements, witnesses' keys."""

    checkpoints: Sequence[tuple[str, bytes]] = ()
    statements: Sequence[tuple[str, bytes]] = ()
    witnesses: Sequence[Key] = ()


async def verify_database(
    connections: Connections,
    anchors: Anchors,
    surroundings: Surroundings,
    progress: Callable[[int, int], None],
) -> Report:
    """All that can be said about the stored record."""
    live = _Live(connections, anchors, surroundings, progress)
    try:
        await live.verify()
    except Unreadable as error:
        live.report.fault(str(error))
    except store.Away as error:
        raise DatabaseError(
            f"The record cannot be read: {' '.join(str(error).split())}.",
            remedy="Verify again when the database is back.",
        ) from error
    return live.report


class _Live:
    def __init__(
        self,
        connections: Connections,
        anchors: Anchors,
        surroundings: Surroundings,
        progress: Callable[[int, int], None],
    ) -> None:
        self.report = Report()
        self._connections = connections
        self._conn = connections.other
        self._anchors = anchors
        self._around = surroundings
        self._progress = progress
        self._rows = Rows(self.report, whole=True)
        self._sealed: dict[UUID, int] = {}

    async def verify(self) -> None:
        """Keys, then each tree, then what stands outside the trees."""
        self._sealed = await store.sealed_ends(self._conn)
        epochs = await store.epochs(self._conn)
        trust = await self._trust()
        dropped = Dropped()
        for name, data in self._around.statements:
            dropped.add(name, data, trust, self.report)
        if not epochs:
            self.report.doubts.append("nothing of the record is sealed yet")
        origins = [epoch.origin for epoch in epochs]
        lost = {origin for epoch in epochs for origin in _previous(epoch, trust)} - set(origins)
        outside = self._outside(trust, origins, lost)
        absent = 0
        for epoch in epochs:
            tree = StoredTree(epoch, self._connections, trust, self._rows, dropped)
            tree.last = epoch is epochs[-1]
            tree.witnesses = self._witnesses()
            await tree.verify(outside.get(epoch.origin, []), self._progress)
            absent += tree.absent
        await self._writers()
        self._rows.finish(absent)
        await self._contents()
        self.report.checked |= {
            "rows": self._rows.rows,
            "boots": len(self._rows.boots),
            "origin": ", ".join(epoch.origin for epoch in epochs),
            "size": ", ".join(str(epoch.size) for epoch in epochs),
        }
        if absent:
            self.report.notices.append(f"{absent} rows were dropped under a signed statement")
        if trust.own:
            self.report.notices.append("the keys came from the database itself; give one you hold by --key")

    def _witnesses(self) -> list[Key]:
        return [*self._around.witnesses, *self._anchors.witnesses]

    async def _trust(self) -> Trust:
        known = await store.log_keys(self._conn)
        statements = dict.fromkeys(one.statement for one in known if one.statement.startswith(ROTATION))
        for one in known:
            if notes.Key(one.key).type != one.algorithm:
                self.report.fault(f"key {one.turn} of the log is not of the kind it is said to be")
        return Trust(
            given=self._anchors.keys,
            bundled=notes.keys(one.key for one in known),
            rotations=[statement.encode() for statement in statements],
            report=self.report,
        )

    def _outside(
        self, trust: Trust, origins: list[str], lost: set[str]
    ) -> dict[str, list[tuple[str, int, bytes]]]:
        """Checkpoints from outside by origin: name, size, root."""
        found: dict[str, list[tuple[str, int, bytes]]] = {}
        given = [*self._around.checkpoints, *self._anchors.checkpoints]
        for name, data in given:
            try:
                origin, size, root = trust.checkpoint(data, name, witnesses=self._witnesses())
            except Unreadable as error:
                self.report.fault(f"{name}: {error}", file=name)
                continue
            if origin in lost:
                self.report.notices.append(f"{name} is of {origin}, a tree that a declared restore has lost")
            elif origin not in origins:
                self.report.fault(f"{name} is of {origin}, which the database does not know", file=name)
            found.setdefault(origin, []).append((name, size, root))
        self.report.checked["checkpoints outside"] = len(given)
        return found

    async def _writers(self) -> None:
        """Rows outside the trees: what is not sealed yet goes on where the sealed rows of its boot end."""
        waiting = 0
        for writer in await store.writers(self._conn):
            boot = self._rows.boots.get(str(writer.boot))
            # Rows at the end of what is sealed may have been dropped.
            end = max(self._sealed.get(writer.boot, 0), 0 if boot is None else boot.last + 1)
            place = {"boot": str(writer.boot)}
            if writer.rows and not writer.known:
                self.report.fault("rows of a boot that never started", **place)
            if writer.rows > writer.numbers:
                self.report.fault(f"{writer.rows - writer.numbers} rows have the number of another", **place)
            if writer.first < 0:
                self.report.fault("a row has a number below 0", **place)
            if writer.declared and self._rows.declared(str(writer.boot)):
                continue
            if writer.next != writer.sealed:
                self.report.fault(f"the sealer's place is {writer.next}, sealed are {writer.sealed}", **place)
            if writer.last >= end:
                waiting += await self._tail(writer.boot, end)
        if waiting:
            self.report.notices.append(
                f"{waiting} rows were not yet sealed: only their numbers and columns are checked"
            )

    async def _tail(self, boot: UUID, seq: int) -> int:
        waiting = 0
        while rows := await store.tail(self._conn, boot, seq, limit=_BATCH):
            for row in rows:
                place = {"id": str(row.id), "boot": str(boot), "seq": row.seq}
                if row.seq != seq:
                    self.report.fault(f"the rows from number {seq} on are missing before this one", **place)
                differing = await self._differing(boot, row)
                if differing:
                    self.report.fault(f"columns differ from the entry: {differing}", **place)
                elif claims(row.entry).get("seq") != row.seq:
                    self.report.fault("the entry is not that of a row", **place)
                seq = row.seq + 1
                waiting += 1
        return waiting

    async def _differing(self, boot: UUID, row: store.Tail) -> str:
        try:
            async with self._conn.transaction():
                return ", ".join(await store.differing_columns(self._conn, boot, row.seq, row.entry))
        except store.Uncomparable:
            return "the entry is not JSON"

    async def _contents(self) -> None:
        after, count = "", 0
        while found := await store.contents(self._conn, after, limit=_CONTENTS):
            for one in found:
                name = await asyncio.to_thread(lambda data: hashlib.sha256(data).hexdigest(), one.bytes)
                if one.digest != f"sha256:{name}":
                    self.report.fault(f"the content {one.digest} was changed")
            after, count = found[-1].digest, count + len(found)
        self.report.checked["contents"] = count


def _previous(epoch: store.Epoch, trust: Trust) -> list[str]:
    """The tree that was signed before this one, as the signed statement that began it says."""
    if not epoch.statement:
        return []
    text = trust.signed(epoch.statement.encode(), f"the statement that began {epoch.origin}")
    lines = text.decode(errors="replace").splitlines()
    return [line.split()[1] for line in lines if line.startswith("previous ") and line != "previous none"]
