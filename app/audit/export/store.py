"""What exports and proofs ask the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from app.core.errors import DatabaseError
from app.db import Connection, Pool, struct_row

__all__ = ["Connection", "Pool"]

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)


@asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """A connection for one question; a database that is away is a DatabaseError."""
    try:
        async with pool.connection() as conn:
            yield conn
    except _AWAY as error:
        raise DatabaseError(
            f"The record cannot be read: {' '.join(str(error).split()) or type(error).__name__}.",
            remedy="Try again when the database is back.",
        ) from error


class Epoch(msgspec.Struct, frozen=True):
    """A tree: its number, its origin, when it began, and the signed note that began it (empty for the first)."""

    epoch: int
    origin: str
    started: datetime
    statement: str


async def epochs(conn: Connection) -> list[Epoch]:
    """All trees, oldest first."""
    async with conn.cursor(row_factory=struct_row(Epoch)) as cursor:
        await cursor.execute("SELECT epoch, origin, started, statement FROM audit_epochs ORDER BY epoch")
        return await cursor.fetchall()


class Head(msgspec.Struct, frozen=True):
    """A checkpoint as it is stored."""

    size: int
    root: bytes
    note: str


async def head(conn: Connection, epoch: int) -> Head | None:
    """The newest checkpoint of a tree."""
    async with conn.cursor(row_factory=struct_row(Head)) as cursor:
        await cursor.execute("SELECT size, root, note FROM audit_heads WHERE epoch = %s", (epoch,))
        return await cursor.fetchone()


class Kept(msgspec.Struct, frozen=True):
    """A checkpoint that is kept, with the signature lines of witnesses that came later."""

    size: int
    note: str
    lines: str


async def daily_checkpoints(conn: Connection, epoch: int, size: int) -> list[Kept]:
    """The last kept checkpoint of each day of a tree, up to a size."""
    async with conn.cursor(row_factory=struct_row(Kept)) as cursor:
        await cursor.execute(
            "SELECT c.size, c.note, coalesce((SELECT string_agg(s.line || E'\\n', '' ORDER BY s.witness)"
            " FROM audit_cosignatures s WHERE s.epoch = c.epoch AND s.size = c.size), '') AS lines FROM ("
            "SELECT DISTINCT ON (date_trunc('day', created)) epoch, size, note FROM audit_checkpoints"
            " WHERE epoch = %s AND size <= %s ORDER BY date_trunc('day', created), size DESC) AS c ORDER BY c.size",
            (epoch, size),
        )
        return await cursor.fetchall()


async def cosigned(conn: Connection, epoch: int, size: int) -> str:
    """The signature lines of witnesses on the checkpoint of this size."""
    cursor = await conn.execute(
        "SELECT coalesce(string_agg(line || E'\\n', '' ORDER BY witness), '') FROM audit_cosignatures"
        " WHERE epoch = %s AND size = %s",
        (epoch, size),
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else ""


class LogKey(msgspec.Struct, frozen=True):
    """A verifier key of the log, and the note by which it took over (empty for the first)."""

    key: str
    statement: str


async def log_keys(conn: Connection) -> list[LogKey]:
    """All verifier keys of the log, oldest first."""
    async with conn.cursor(row_factory=struct_row(LogKey)) as cursor:
        await cursor.execute("SELECT key, statement FROM audit_log_keys ORDER BY turn, algorithm")
        return await cursor.fetchall()


async def tile(conn: Connection, epoch: int, level: int, index: int) -> bytes | None:
    """The hashes of a tile."""
    cursor = await conn.execute(
        "SELECT hashes FROM audit_tiles WHERE epoch = %s AND level = %s AND index = %s",
        (epoch, level, index),
        binary=True,
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


class Leaf(msgspec.Struct, frozen=True):
    """A row that is there, by its leaf."""

    leaf: int
    entry: bytes


async def entries(conn: Connection, epoch: int, first: int, end: int) -> list[Leaf]:
    """Rows of these leaves in the order of the tree; those that were dropped are missing."""
    async with conn.cursor(row_factory=struct_row(Leaf), binary=True) as cursor:
        await cursor.execute(
            "SELECT r.leaf + e.seq - r.seq AS leaf, e.entry FROM audit_runs r, LATERAL ("
            "SELECT seq, entry FROM audit_events WHERE boot = r.boot"
            " AND seq >= r.seq + greatest(0, %(first)s - r.leaf)"
            " AND seq < r.seq + least(r.count, %(end)s - r.leaf) ORDER BY seq LIMIT 1048576) AS e"
            " WHERE r.epoch = %(epoch)s AND r.leaf < %(end)s AND r.leaf >= coalesce((SELECT max(leaf)"
            " FROM audit_runs WHERE epoch = %(epoch)s AND leaf <= %(first)s), 0)"
            " ORDER BY r.leaf, e.seq",
            {"epoch": epoch, "first": first, "end": end},
            prepare=True,
        )
        return await cursor.fetchall()


class Span(msgspec.Struct, frozen=True):
    """The first leaf and the one after the last; None when there is none."""

    first: int | None
    end: int | None


async def leaves_between(
    conn: Connection, epoch: int, since: datetime | None, until: datetime | None
) -> Span | None:
    """The smallest range of leaves with all rows of these times, `until` excluded."""
    async with conn.cursor(row_factory=struct_row(Span)) as cursor:
        await cursor.execute(
            "SELECT min(leaf) AS first, max(leaf) + 1 AS end FROM audit_leaves WHERE epoch = %s"
            " AND time >= coalesce(%s, '-infinity'::timestamptz) AND time < coalesce(%s, 'infinity'::timestamptz)",
            (epoch, since, until),
        )
        return await cursor.fetchone()


class Place(msgspec.Struct, frozen=True):
    """Where a row stands: its tree and leaf, None while it is not sealed, and its bytes."""

    epoch: int | None
    leaf: int | None
    entry: bytes


async def place_of(conn: Connection, event: UUID) -> Place | None:
    """The place of a row by its id."""
    async with conn.cursor(row_factory=struct_row(Place), binary=True) as cursor:
        await cursor.execute(
            "SELECT l.epoch, l.leaf, e.entry FROM audit_events e"
            " LEFT JOIN audit_leaves l ON l.event = e.id AND l.time = e.time WHERE e.id = %s",
            (event,),
        )
        return await cursor.fetchone()


async def content(conn: Connection, digest: str) -> bytes | None:
    """A content beside, by its digest."""
    cursor = await conn.execute("SELECT bytes FROM audit_contents WHERE digest = %s", (digest,), binary=True)
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


class Unsealed(msgspec.Struct, frozen=True):
    """Rows of a writer that are no leaves yet."""

    node: str
    boot: UUID
    first: int
    last: int


async def unsealed(conn: Connection, *, but: UUID, limit: int) -> list[Unsealed]:
    """Writers with rows that wait for the sealer, without one's own."""
    async with conn.cursor(row_factory=struct_row(Unsealed)) as cursor:
        await cursor.execute(
            "SELECT b.node, b.boot, coalesce(c.seq, 0) AS first, m.last FROM audit_boots b"
            " LEFT JOIN audit_cursors c ON c.boot = b.boot"
            " JOIN LATERAL (SELECT max(seq) AS last FROM audit_events WHERE boot = b.boot) AS m"
            " ON m.last >= coalesce(c.seq, 0) WHERE NOT b.sealed AND b.boot <> %s ORDER BY b.started LIMIT %s",
            (but, limit),
        )
        return await cursor.fetchall()
