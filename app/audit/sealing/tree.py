"""The tree under way, in memory: its right edge, where each writer stands, and the checkpoint over it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.audit.sealing import store
from app.audit.sealing.progress import store as progress
from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.note import Note, parse_note
from app.audit.tlog.signing import Signer, signed
from app.audit.tlog.tiles import Edge, edge_places
from app.core.errors import ProofError


class Tree:
    """One epoch as the leader holds it between its steps."""

    def __init__(self, epoch: store.Epoch, head: store.Head, edge: Edge, run: progress.Run | None) -> None:
        self.epoch = epoch
        self.head = head
        self.edge = edge
        self.run = run
        self.cursors: dict[UUID, int] = {}

    def place(self, boot: UUID, seq: int, count: int) -> progress.Run:
        """The run for the next leaves: the last one made longer, or a new one."""
        last = self.run
        if last is not None and (last.boot, last.seq + last.count) == (boot, seq):
            self.run = msgspec.structs.replace(last, count=last.count + count)
        else:
            self.run = progress.Run(self.epoch.epoch, self.edge.size, boot, seq, count)
        return self.run

    def sign(self, signers: Sequence[Signer], *, now: datetime) -> store.Head:
        """The checkpoint over the tree as it is now."""
        checkpoint = Checkpoint(self.epoch.origin, self.edge.size, self.edge.root())
        note = signed(str(checkpoint), signers, seconds=int(now.timestamp()))
        return store.Head(self.epoch.epoch, checkpoint.size, checkpoint.root, str(note), now)


async def read_tree(conn: store.Connection, epoch: store.Epoch) -> Tree:
    """The newest tree of the database; ProofError when its tiles are not those of its head."""
    head = await store.head(conn, epoch.epoch)
    if head is None:
        raise ProofError(f"The tree {epoch.origin} has no head.")
    places = [place for place, width in edge_places(head.size) if width]
    edge = Edge(head.size, await store.tiles(conn, epoch.epoch, places))
    if edge.root() != head.root:
        raise ProofError(f"The tiles of {epoch.origin} do not lead to the root of its head.")
    return Tree(epoch, head, edge, await progress.last_run(conn, epoch.epoch))


def note_of(head: store.Head) -> Note:
    """The signed note of a head; ProofError when it does not say what its columns say."""

    note = parse_note(head.note)
    checkpoint = parse_checkpoint(note.text)
    if (checkpoint.size, checkpoint.root) != (head.size, head.root):
        raise ProofError("The note of the newest checkpoint does not say what its columns say.")
    return note
