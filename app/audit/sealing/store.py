"""All SQL of trees: their heads, checkpoints, tiles and keys. What of the record is in them: progress/store.py."""

from datetime import datetime

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
