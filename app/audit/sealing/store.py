"""All SQL of the seal: trees, heads, cursors, keys."""

from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import PoolTimeout

from app.audit.tlog.tiles import Place
from app.db import Connection, Pool, deadline, struct_row

Failed = (psycopg.Error, PoolTimeout, OSError)
"""The server, or the connection to it, failed."""

__all__ = ["Connection", "Failed", "Pool", "deadline"]


class Epoch(msgspec.Struct, frozen=True):
    """One tree: its number, its origin, and the signed note that began it (empty for the first)."""

    epoch: int
    origin: str
    statement: str


async def epochs(conn: Connection) -> list[Epoch]:
    """All trees, newest first."""
    async with conn.cursor(row_factory=struct_row(Epoch)) as cursor:
        await cursor.execute("SELECT epoch, origin, statement FROM audit_epochs ORDER BY epoch DESC")
        return await cursor.fetchall()


async def insert_epoch(conn: Connection, epoch: int, origin: str, statement: str) -> None:
    """Begin a tree."""
    await conn.execute(
        "INSERT INTO audit_epochs (epoch, origin, statement) VALUES (%s, %s, %s)", (epoch, origin, statement)
    )


class Head(msgspec.Struct, frozen=True):
    """The newest checkpoint of a tree."""

    epoch: int
    size: int
    root: bytes
    note: str
    created: datetime


async def head(conn: Connection, epoch: int) -> Head | None:
    """The head of a tree."""
    async with conn.cursor(row_factory=struct_row(Head)) as cursor:
        await cursor.execute(
            "SELECT epoch, size, root, note, created FROM audit_heads WHERE epoch = %s", (epoch,)
        )
        return await cursor.fetchone()


async def lock_head(conn: Connection, epoch: int) -> Head | None:
    """The head of a tree, which nobody else can move until this transaction ends."""
    async with conn.cursor(row_factory=struct_row(Head)) as cursor:
        await cursor.execute(
            "SELECT epoch, size, root, note, created FROM audit_heads WHERE epoch = %s FOR UPDATE", (epoch,)
        )
        return await cursor.fetchone()


async def put_head(conn: Connection, head: Head) -> None:
    """Move the head of a tree forward."""
    await conn.execute(
        "INSERT INTO audit_heads (epoch, size, root, note, created) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (epoch) DO UPDATE"
        " SET size = excluded.size, root = excluded.root, note = excluded.note, created = excluded.created",
        (head.epoch, head.size, head.root, head.note, head.created),
    )


async def keep_checkpoint(conn: Connection, head: Head) -> None:
    """Keep a head for good; one of the same size is kept already."""
    await conn.execute(
        "INSERT INTO audit_checkpoints (epoch, size, root, note, created) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (head.epoch, head.size, head.root, head.note, head.created),
    )


async def kept_checkpoint(conn: Connection) -> Head | None:
    """The newest checkpoint that is kept."""
    async with conn.cursor(row_factory=struct_row(Head)) as cursor:
        await cursor.execute(
            "SELECT epoch, size, root, note, created FROM audit_checkpoints ORDER BY epoch DESC, size DESC LIMIT 1"
        )
        return await cursor.fetchone()


async def add_cosignature(conn: Connection, epoch: int, size: int, witness: str, line: str) -> None:
    """Keep a witness's signature line with its checkpoint."""
    await conn.execute(
        "INSERT INTO audit_cosignatures (epoch, size, witness, line) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (epoch, size, witness, line),
    )


async def cosignatures(conn: Connection, epoch: int, size: int) -> list[str]:
    """The signature lines of witnesses on a checkpoint."""
    cursor = await conn.execute(
        "SELECT line FROM audit_cosignatures WHERE epoch = %s AND size = %s ORDER BY witness", (epoch, size)
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def cosigned_size(conn: Connection, epoch: int, witness: str) -> int:
    """The size of the largest checkpoint of a tree that a witness has cosigned, 0 for none."""
    cursor = await conn.execute(
        "SELECT coalesce(max(size), 0) FROM audit_cosignatures WHERE epoch = %s AND witness = %s",
        (epoch, witness),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def tiles(conn: Connection, epoch: int, places: list[Place]) -> dict[Place, bytes]:
    """Those of the named tiles that are there."""
    cursor = await conn.execute(
        "SELECT t.level, t.index, t.hashes FROM unnest(%s::smallint[], %s::bigint[]) AS p (level, index)"
        " JOIN audit_tiles t ON t.epoch = %s AND t.level = p.level AND t.index = p.index",
        ([level for level, _ in places], [index for _, index in places], epoch),
    )
    return {(int(level), int(index)): bytes(hashes) for level, index, hashes in await cursor.fetchall()}


async def put_tiles(conn: Connection, epoch: int, changed: dict[Place, bytes]) -> None:
    """Store new tiles and grow the ones at the edge."""
    await conn.execute(
        "INSERT INTO audit_tiles (epoch, level, index, hashes)"
        " SELECT %s, level, index, hashes FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])"
        " AS t (level, index, hashes)"
        " ON CONFLICT (epoch, level, index) DO UPDATE SET hashes = excluded.hashes",
        (epoch, [level for level, _ in changed], [index for _, index in changed], list(changed.values())),
    )


class Boot(msgspec.Struct, frozen=True):
    """A writer that may have rows to be sealed: the next one is `seq`; `opened` counts its connections."""

    boot: UUID
    node: str
    opened: int
    seq: int


async def unsealed_boots(conn: Connection) -> list[Boot]:
    """Writers that may have rows to be sealed, oldest first."""
    async with conn.cursor(row_factory=struct_row(Boot)) as cursor:
        await cursor.execute(
            "SELECT b.boot, b.node, b.opened, coalesce(c.seq, 0) AS seq"
            " FROM audit_boots b LEFT JOIN audit_cursors c ON c.boot = b.boot"
            " WHERE NOT b.sealed ORDER BY b.started, b.boot",
            prepare=True,
        )
        return await cursor.fetchall()


async def look_at_all_boots_again(conn: Connection) -> None:
    """Have every writer looked at once more, as an older release would not have said that it came back."""
    await conn.execute("UPDATE audit_boots SET sealed = false WHERE sealed")


async def held_locks(conn: Connection) -> set[int]:
    """The advisory locks of this database that somebody holds, as one number each."""
    cursor = await conn.execute(
        "SELECT l.classid::bigint << 32 | l.objid::bigint FROM pg_locks l"
        " JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()"
        " WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted",
        prepare=True,
    )
    return {int(row[0]) for row in await cursor.fetchall()}


async def close_boot(conn: Connection, boot: UUID, opened: int) -> None:
    """All rows of a writer that is gone are sealed, unless it came back meanwhile."""
    await conn.execute("UPDATE audit_boots SET sealed = true WHERE boot = %s AND opened = %s", (boot, opened))


class Leaves(msgspec.Struct, frozen=True):
    """The next rows of a writer: how many, their first and last number (-1 for none), their leaf hashes in a row."""

    count: int
    first: int
    last: int
    hashes: bytes


async def leaves(conn: Connection, boot: UUID, *, begin: int, end: int, limit: int) -> Leaves:
    """Hash the next rows where they are: SHA-256(0x00 ‖ entry); the entries need not travel for it."""
    async with conn.cursor(row_factory=struct_row(Leaves)) as cursor:
        await cursor.execute(
            "SELECT count(*) AS count, coalesce(min(seq), -1) AS first, coalesce(max(seq), -1) AS last,"
            " coalesce(string_agg(sha256('\\x00'::bytea || entry), ''::bytea ORDER BY seq), ''::bytea) AS hashes"
            " FROM (SELECT seq, entry FROM audit_events WHERE boot = %s AND seq >= %s AND seq < %s"
            " ORDER BY seq LIMIT %s) AS rows",
            (boot, begin, end, limit),
            prepare=True,
        )
        found = await cursor.fetchone()
    return found or Leaves(0, -1, -1, b"")


async def first_irregular(conn: Connection, boot: UUID, seq: int, *, limit: int) -> int | None:
    """The first number from `seq` on that is missing or there twice among the next rows of a writer."""
    cursor = await conn.execute(
        "SELECT min(n) FROM (SELECT seq, %s + row_number() OVER (ORDER BY seq) - 1 AS n FROM audit_events"
        " WHERE boot = %s AND seq >= %s ORDER BY seq LIMIT %s) AS rows WHERE seq <> n",
        (seq, boot, seq, limit),
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])


async def next_number(conn: Connection, boot: UUID, seq: int) -> int | None:
    """The number of the first row of a writer from `seq` on."""
    cursor = await conn.execute(
        "SELECT min(seq) FROM audit_events WHERE boot = %s AND seq >= %s", (boot, seq)
    )
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])


class Run(msgspec.Struct, frozen=True):
    """Leaves from `leaf` on are the rows from `seq` on of a boot."""

    epoch: int
    leaf: int
    boot: UUID
    seq: int
    count: int


async def last_run(conn: Connection, epoch: int) -> Run | None:
    """The run that ends with the last leaf."""
    async with conn.cursor(row_factory=struct_row(Run)) as cursor:
        await cursor.execute(
            "SELECT epoch, leaf, boot, seq, count FROM audit_runs WHERE epoch = %s ORDER BY leaf DESC LIMIT 1",
            (epoch,),
        )
        return await cursor.fetchone()


async def run_at(conn: Connection, epoch: int, leaf: int) -> Run | None:
    """The run that holds a leaf."""
    async with conn.cursor(row_factory=struct_row(Run)) as cursor:
        await cursor.execute(
            "SELECT epoch, leaf, boot, seq, count FROM audit_runs"
            " WHERE epoch = %(epoch)s AND leaf <= %(leaf)s AND leaf + count > %(leaf)s ORDER BY leaf DESC LIMIT 1",
            {"epoch": epoch, "leaf": leaf},
        )
        return await cursor.fetchone()


async def put_run(conn: Connection, run: Run) -> None:
    """Store a run, or the longer form of the last one."""
    await conn.execute(
        "INSERT INTO audit_runs (epoch, leaf, boot, seq, count) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (epoch, leaf) DO UPDATE SET count = excluded.count",
        (run.epoch, run.leaf, run.boot, run.seq, run.count),
        prepare=True,
    )


async def put_cursor(conn: Connection, boot: UUID, seq: int, *, declared: bool = False) -> None:
    """The next row of a writer to be sealed; `declared` when it steps over rows that are gone."""
    await conn.execute(
        "INSERT INTO audit_cursors AS c (boot, seq, declared) VALUES (%s, %s, %s)"
        " ON CONFLICT (boot) DO UPDATE SET seq = excluded.seq, declared = c.declared OR excluded.declared",
        (boot, seq, declared),
        prepare=True,
    )


class Moved(msgspec.Struct, frozen=True):
    """A cursor that does not stand where the last run of its writer ends."""

    boot: UUID
    seq: int
    sealed: int


async def moved_cursors(conn: Connection) -> list[Moved]:
    """Cursors of writers under way that were moved by somebody else than the sealer."""
    async with conn.cursor(row_factory=struct_row(Moved)) as cursor:
        await cursor.execute(
            "SELECT b.boot, coalesce(c.seq, 0) AS seq, coalesce(r.seq + r.count, 0) AS sealed FROM audit_boots b"
            " LEFT JOIN audit_cursors c ON c.boot = b.boot"
            " LEFT JOIN LATERAL (SELECT seq, count FROM audit_runs WHERE boot = b.boot ORDER BY seq DESC LIMIT 1)"
            " AS r ON true"
            " WHERE NOT b.sealed AND NOT coalesce(c.declared, false)"
            " AND coalesce(c.seq, 0) <> coalesce(r.seq + r.count, 0)"
        )
        return await cursor.fetchall()


async def unsealed_rows(conn: Connection) -> int:
    """How many rows wait for the sealer."""
    cursor = await conn.execute(
        "SELECT coalesce(sum(m.last + 1 - coalesce(c.seq, 0)), 0) FROM audit_boots b"
        " LEFT JOIN audit_cursors c ON c.boot = b.boot"
        " JOIN LATERAL (SELECT max(seq) AS last FROM audit_events WHERE boot = b.boot) AS m ON m.last IS NOT NULL"
        " WHERE NOT b.sealed AND m.last >= coalesce(c.seq, 0)"
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


class LogKey(msgspec.Struct, frozen=True):
    """A public key that signs checkpoints, and the note by which it took over (empty for the first)."""

    turn: int
    algorithm: int
    key: str
    since: datetime
    statement: str


async def log_keys(conn: Connection) -> list[LogKey]:
    """All keys of the log, oldest first."""
    async with conn.cursor(row_factory=struct_row(LogKey)) as cursor:
        await cursor.execute(
            "SELECT turn, algorithm, key, since, statement FROM audit_log_keys ORDER BY turn, algorithm"
        )
        return await cursor.fetchall()


async def insert_log_key(conn: Connection, turn: int, algorithm: int, key: str, statement: str) -> None:
    """A key takes its turn."""
    await conn.execute(
        "INSERT INTO audit_log_keys (turn, algorithm, key, statement) VALUES (%s, %s, %s, %s)",
        (turn, algorithm, key, statement),
    )
