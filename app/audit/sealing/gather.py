"""Committed rows in the order of their writers, as leaves; a row that is missing is never passed over in silence."""

from uuid import UUID

import msgspec

from app.audit.recorder import lock_key
from app.audit.sealing import store
from app.audit.sealing.progress import store as progress
from app.audit.sealing.tree import Tree
from app.audit.tlog.tiles import Place

CHUNK = 1024
"""Rows hashed between two turns of the event loop."""
MOST = 16 * CHUNK
"""Rows of one transaction."""
_END = 2**62


class Irregular(msgspec.Struct, frozen=True):
    """A writer whose row `seq` is missing or there twice; `moved` when its cursor was changed instead."""

    boot: UUID
    node: str
    seq: int
    moved: bool = False

    def __str__(self) -> str:
        if self.moved:
            return f"the cursor of {self.node} {self.boot} was changed to {self.seq} by somebody else"
        return f"row {self.seq} of {self.node} {self.boot} is missing or there twice"


class Gathered(msgspec.Struct, kw_only=True):
    """What one transaction seals."""

    rows: int = 0
    more: bool = False
    tiles: dict[Place, bytes] = {}
    runs: list[progress.Run] = []
    cursors: dict[UUID, int] = {}
    done: list[progress.Boot] = []
    irregular: list[Irregular] = []


async def gather(conn: store.Connection, tree: Tree) -> Gathered:
    """Append the next rows of every writer to the tree in memory; nothing is written yet."""
    found = Gathered()
    boots = await progress.unsealed_boots(conn)
    held = await progress.held_locks(conn)
    last = tree.run.boot if tree.run else None
    # The writer of the last leaf goes first: its run is made longer, and runs stay few.
    for boot in sorted(boots, key=lambda one: one.boot != last):
        if found.rows >= MOST:
            found.more = True
            break
        if tree.cursors.get(boot.boot, boot.seq) != boot.seq:
            found.irregular.append(Irregular(boot.boot, boot.node, boot.seq, moved=True))
            continue
        if await _take(conn, tree, boot, found) and lock_key(boot.boot) not in held:
            found.done.append(boot)
    return found


async def _take(conn: store.Connection, tree: Tree, boot: progress.Boot, found: Gathered) -> bool:
    """The next rows of one writer; whether there are no more."""
    begin, end = boot.seq, _END
    while (room := min(CHUNK, MOST - found.rows)) > 0:
        leaves = await progress.leaves(conn, boot.boot, begin=begin, end=end, limit=room)
        if leaves.count == 0:
            return end == _END
        if leaves.first != begin or leaves.last - begin + 1 != leaves.count:
            if end != _END:
                return False  # it changed between two looks: again at the next turn
            end = await progress.first_irregular(conn, boot.boot, begin, limit=room + 1) or begin
            found.irregular.append(Irregular(boot.boot, boot.node, end))
            continue
        run = tree.place(boot.boot, begin, leaves.count)
        found.runs = [*(one for one in found.runs if one.leaf != run.leaf), run]
        found.tiles |= tree.edge.extend(leaves.hashes)
        found.rows += leaves.count
        begin += leaves.count
        found.cursors[boot.boot] = begin
        if leaves.count < room and end == _END:
            return True
    found.more = True
    return False
