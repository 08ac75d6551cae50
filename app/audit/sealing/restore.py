"""The ceremony after a restore from a backup: the break is said, signed, recorded, and a new tree begins with it."""

import base64
from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.audit.sealing import store
from app.audit.sealing.authority import newest, put_empty, same_kinds
from app.audit.sealing.continuity import discontinuity
from app.audit.sealing.gather import CHUNK
from app.audit.sealing.outside import Latest, Outside, base_origin, position
from app.audit.sealing.progress import store as progress
from app.audit.sealing.recording import record_within
from app.audit.sealing.state import happened
from app.audit.sealing.tree import Tree, note_of, read_tree
from app.audit.signing.source import KeySource, newest_of, public_keys
from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.note import Note
from app.audit.tlog.signing import Signer, signed
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConflictError, DatabaseError

STATEMENT = "sallyport.record/restore/v1"
_LOOK = 100_000


class Break(msgspec.Struct, frozen=True):
    """What does not go on: the checkpoint that was signed last, the tree that is there, rows that are gone."""

    signed: Latest | None
    epochs: list[store.Epoch]
    head: store.Head | None
    found: str
    gaps: list[tuple[progress.Boot, int]]
    key_lost: bool

    @property
    def said(self) -> list[str]:
        """Each part of it in a sentence."""
        rows = [f"Row {seq} of {boot.node} {boot.boot} is missing or there twice." for boot, seq in self.gaps]
        lost = ["The key of the log is lost."] if self.key_lost else []
        return [*([self.found] if self.found else []), *rows, *lost]


class Declared(msgspec.Struct, frozen=True):
    """What came of the ceremony."""

    origin: str
    size: int
    reason: str
    breaks: list[str]


async def find_break(conn: store.Connection, *, source: KeySource, outside: Outside) -> Break:
    """Everything that keeps the sealer from going on."""
    epochs = await store.epochs(conn)
    head = await store.head(conn, epochs[0].epoch) if epochs else None
    signed = outside.latest()
    keys = public_keys(source.load())
    found = await discontinuity(conn, epochs=epochs, head=head, outside=outside, keys=keys)
    gaps = []
    for boot in await progress.unsealed_boots(conn):
        irregular = await progress.first_irregular(conn, boot.boot, boot.seq, limit=_LOOK)
        if irregular is not None:
            gaps.append((boot, irregular))
    return Break(signed, epochs, head, found.message if found else "", gaps, bool(epochs) and not keys)


async def declare(
    conn: store.Connection,
    broken: Break,
    *,
    reason: str,
    source: KeySource,
    outside: Outside,
    node: str,
    clock: Clock,
) -> Declared:
    """Begin the next tree, whose first leaf is the row that says why; ConflictError when nothing is broken."""
    if not broken.said:
        raise ConflictError(
            "The record goes on where it was signed; there is nothing to declare.",
            remedy="See `sallyport audit status`.",
        )
    signers = _signers(broken, source)
    if known := await store.log_keys(conn):
        signers = same_kinds(signers, [one.algorithm for one in newest(known)])
    epoch, statement = _next_epoch(broken, signers, clock)
    event = happened(
        "record.restore",
        epoch.origin,
        now=clock.now(),
        reason=reason,
        breaks=broken.said,
        previous=_described(broken.signed.checkpoint if broken.signed else None),
        restored=_described(_head_of(broken)),
        statement=str(statement),
    )
    async with conn.transaction():
        await store.insert_epoch(conn, epoch.epoch, epoch.origin, str(statement))
        await _take_turn(conn, signers, statement)
        await put_empty(conn, signers, epoch, now=clock.now())
        tree = await read_tree(conn, epoch)
        await _first_leaf(conn, tree, await record_within(conn, event, node=node, clock=clock))
        for boot, _ in broken.gaps:
            await _step_over(conn, tree, boot)
        tree.head = tree.sign(signers, now=clock.now())
        await store.put_head(conn, tree.head)
        await store.keep_checkpoint(conn, tree.head)
    if __debug__:
        crash.at("restore.after_commit")
    outside.publish(note_of(tree.head), now=clock.now(), keep=True)
    source.remember(str(statement))
    return Declared(epoch.origin, tree.head.size, reason, broken.said)


def _signers(broken: Break, source: KeySource) -> list[Signer]:
    """The keys that there are; new ones only in place of those that are lost."""
    if signers := newest_of(source.load()):
        return signers
    origins = [broken.signed.checkpoint.origin] if broken.signed else [one.origin for one in broken.epochs]
    return list(source.create(base_origin(origins[0])))


def _next_epoch(broken: Break, signers: Sequence[Signer], clock: Clock) -> tuple[store.Epoch, Note]:
    signed_epoch = position(broken.signed.checkpoint)[0] if broken.signed else 0
    number = max([signed_epoch, *(one.epoch for one in broken.epochs)]) + 1
    origin = f"{signers[0].key.name}/{number}"
    previous = broken.signed.checkpoint if broken.signed else _head_of(broken)
    lines = [STATEMENT, origin, clock.now().isoformat(timespec="seconds")]
    lines += [f"previous {_line(previous)}", f"restored {_line(_head_of(broken))}"]
    lines += [f"key {key}" for key in public_keys(signers)]
    statement = signed("".join(f"{line}\n" for line in lines), signers[:1], seconds=0)
    return store.Epoch(number, origin, str(statement)), statement


async def _take_turn(conn: store.Connection, signers: Sequence[Signer], statement: Note) -> None:
    """A database of before a rotation, or one that knows only the lost key, is told whose turn it is."""
    known = await store.log_keys(conn)
    keys = public_keys(signers)
    if known and {one.key for one in newest(known)} == {str(key) for key in keys}:
        return
    for key in keys:
        await store.insert_log_key(
            conn, known[-1].turn + 1 if known else 1, key.algorithm, str(key), str(statement)
        )


async def _step_over(conn: store.Connection, tree: Tree, boot: progress.Boot) -> None:
    """Seal what is sound up to each gap of a writer, and go on with the row behind it."""
    begin = boot.seq
    while (gap := await progress.first_irregular(conn, boot.boot, begin, limit=_LOOK)) is not None:
        while begin < gap:
            leaves = await progress.leaves(conn, boot.boot, begin=begin, end=gap, limit=CHUNK)
            if leaves.count == 0 or leaves.last - begin + 1 != leaves.count:
                raise _twice(boot, begin)
            run = tree.place(boot.boot, begin, leaves.count)
            await store.put_tiles(conn, tree.epoch.epoch, tree.edge.extend(leaves.hashes))
            await progress.put_run(conn, run)
            begin += leaves.count
        there = await progress.next_number(conn, boot.boot, gap)
        if there is None or there == gap:
            raise _twice(boot, gap)
        begin = there
    await progress.put_cursor(conn, boot.boot, begin, declared=True)


def _twice(boot: progress.Boot, seq: int) -> DatabaseError:
    return DatabaseError(
        f"Row {seq} of {boot.node} {boot.boot} is there twice.",
        remedy="Find out which of the two is genuine, and remove the other as the database's owner.",
    )


async def _first_leaf(conn: store.Connection, tree: Tree, boot: UUID) -> None:
    leaves = await progress.leaves(conn, boot, begin=0, end=1, limit=1)
    run = tree.place(boot, 0, 1)
    await store.put_tiles(conn, tree.epoch.epoch, tree.edge.extend(leaves.hashes))
    await progress.put_run(conn, run)
    await progress.put_cursor(conn, boot, 1)
    await progress.close_boot(conn, boot, 1)


def _head_of(broken: Break) -> Checkpoint | None:
    if broken.head is None or not broken.epochs:
        return None
    return Checkpoint(broken.epochs[0].origin, broken.head.size, broken.head.root)


def _line(checkpoint: Checkpoint | None) -> str:
    return "none" if checkpoint is None else " ".join(str(checkpoint).splitlines())


def _described(checkpoint: Checkpoint | None) -> dict[str, object] | None:
    if checkpoint is None:
        return None
    root = base64.b64encode(checkpoint.root).decode()
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": root}
