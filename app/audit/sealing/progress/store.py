"""All SQL about what of the record is sealed: writers that may have more, runs of leaves, cursors."""

from uuid import UUID

import msgspec

from app.db import Connection, struct_row

__all__ = ["Connection"]


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
