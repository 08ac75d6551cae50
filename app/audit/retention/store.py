"""All SQL of holds and retention."""

from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
import psycopg

from app import db
from app.core.errors import ConflictError
from app.db import Connection, Pool, struct_row

__all__ = ["Connection", "Pool"]


transaction = partial(db.transaction, what="Retention cannot be looked at")
"""One transaction; a database that is away is a DatabaseError."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold; `user` is the name behind `subject`, times are UTC, `ends` excluded."""

    hold: UUID
    reason: str
    subject: UUID | None
    user: str | None
    actor: str | None
    trace_id: str | None
    resource_kind: str | None
    resource: str | None
    starts: datetime | None
    ends: datetime | None
    created: datetime
    created_by: str
    lifted: datetime | None
    lifted_by: str | None


async def insert_hold(conn: Connection, row: Hold) -> None:
    """A new hold."""
    await conn.execute(
        "INSERT INTO audit_holds (hold, reason, subject, actor, trace_id, resource_kind, resource, starts, ends,"
        " created, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            row.hold, row.reason, row.subject, row.actor, row.trace_id, row.resource_kind, row.resource, row.starts,
            row.ends, row.created, row.created_by,
        ),
    )  # fmt: skip


async def holds(conn: Connection, *, lifted: bool) -> list[Hold]:
    """Holds, newest first; those that were lifted only when asked for."""
    async with conn.cursor(row_factory=struct_row(Hold)) as cursor:
        await cursor.execute(
            "SELECT h.hold, h.reason, h.subject,"
            " coalesce(s.name, CASE WHEN s.erased IS NOT NULL THEN 'erased' END) AS user,"
            " h.actor, h.trace_id, h.resource_kind, h.resource, h.starts, h.ends, h.created, h.created_by, h.lifted,"
            " h.lifted_by FROM audit_holds h LEFT JOIN audit_subjects s ON s.subject = h.subject"
            " WHERE %s OR h.lifted IS NULL ORDER BY h.hold DESC LIMIT 1000",
            (lifted,),
        )
        return await cursor.fetchall()


async def lift_hold(conn: Connection, hold: UUID, *, at: datetime, by: str) -> bool:
    """End a hold; False when there is none that stands."""
    cursor = await conn.execute(
        "UPDATE audit_holds SET lifted = %s, lifted_by = %s WHERE hold = %s AND lifted IS NULL",
        (at, by, hold),
    )
    return cursor.rowcount == 1


async def subject_by_name(conn: Connection, name: str) -> UUID | None:
    """The person who has this name now."""
    cursor = await conn.execute(
        "SELECT subject FROM audit_subjects WHERE name = %s AND erased IS NULL", (name,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def lock_holds(conn: Connection) -> None:
    """The lock that an erasure and a new hold both take, so that neither overlooks the other."""
    await conn.execute("SELECT pg_advisory_xact_lock(7305409314)")


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month that has rows, and whether it is a partition of its own."""

    month: datetime
    ends: datetime
    partition: bool


async def months(conn: Connection) -> list[Month]:
    """Months of the record, oldest first."""
    async with conn.cursor(row_factory=struct_row(Month)) as cursor:
        await cursor.execute(
            "SELECT m.month, m.month + interval '1 month' AS ends, bool_or(m.partition) AS partition FROM ("
            "SELECT to_timestamp(right(c.relname, 7), 'YYYY_MM') AS month, true AS partition"
            " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'audit_events'::regclass AND c.relname ~ '^audit_events_[0-9]{4}_[0-9]{2}$'"
            " UNION SELECT date_trunc('month', d.time), false FROM audit_events_default d) AS m"
            " GROUP BY m.month ORDER BY m.month"
        )
        return await cursor.fetchall()


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed of a month, under which statement."""

    statement: UUID
    month: datetime
    classes: list[str]
    rows: int
    held: int
    removed: datetime
    swept: datetime | None


async def removals(conn: Connection, *, limit: int) -> list[Removal]:
    """What was removed, newest first."""
    async with conn.cursor(row_factory=struct_row(Removal)) as cursor:
        await cursor.execute(
            "SELECT statement, month, classes, rows, held, removed, swept FROM audit_removals"
            " ORDER BY removed DESC LIMIT %s",
            (limit,),
        )
        return await cursor.fetchall()


async def unswept(conn: Connection) -> list[UUID]:
    """Removals whose contents were not looked at yet."""
    cursor = await conn.execute("SELECT statement FROM audit_removals WHERE swept IS NULL ORDER BY removed")
    return [row[0] for row in await cursor.fetchall()]


async def last_lift(conn: Connection) -> datetime | None:
    """When a hold was lifted last."""
    cursor = await conn.execute("SELECT max(lifted) FROM audit_holds")
    row = await cursor.fetchone()
    return row[0] if row else None


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a class in a month: all, those that may go, those under hold, and those not sealed yet."""

    name: str
    rows: int
    free: int
    held: int
    unsealed: int


async def counts(conn: Connection, month: datetime, ends: datetime) -> list[Count]:
    """What a month holds, by class."""
    async with conn.cursor(row_factory=struct_row(Count)) as cursor:
        await cursor.execute(
            "SELECT r.name, count(*) AS rows, count(*) FILTER (WHERE r.sealed AND NOT r.held) AS free,"
            " count(*) FILTER (WHERE r.held) AS held, count(*) FILTER (WHERE NOT r.sealed) AS unsealed FROM ("
            "SELECT audit_class(e.action, e.actor_kind) AS name, audit_call_held(e.call) AS held,"
            " coalesce(e.seq < c.seq, false) AS sealed"
            " FROM audit_events e LEFT JOIN audit_cursors c ON c.boot = e.boot"
            " WHERE e.time >= %s AND e.time < %s) AS r GROUP BY r.name ORDER BY r.name",
            (month, ends),
        )
        return await cursor.fetchall()


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Leaves of a tree that may go, `ends` excluded, without a gap."""

    epoch: int
    first: int
    ends: int


async def ranges(
    conn: Connection, month: datetime, ends: datetime, classes: list[str], *, limit: int
) -> list[Range]:
    """Where the rows that may go stand in the trees, as runs without gaps, in order."""
    async with conn.cursor(row_factory=struct_row(Range)) as cursor:
        await cursor.execute(
            "SELECT g.epoch, min(g.leaf) AS first, max(g.leaf) + 1 AS ends FROM ("
            "SELECT r.epoch, r.leaf + (e.seq - r.seq) AS leaf, r.leaf + (e.seq - r.seq)"
            " - row_number() OVER (PARTITION BY r.epoch ORDER BY r.leaf + (e.seq - r.seq)) AS island"
            " FROM audit_events e JOIN audit_runs r ON r.boot = e.boot AND r.seq <= e.seq AND e.seq < r.seq + r.count"
            " WHERE e.time >= %s AND e.time < %s AND audit_class(e.action, e.actor_kind) = ANY (%s)"
            " AND audit_is_sealed(e.boot, e.seq) AND NOT audit_call_held(e.call)) AS g"
            " GROUP BY g.epoch, g.island ORDER BY 1, 2 LIMIT %s",
            (month, ends, classes, limit),
        )
        return await cursor.fetchall()


async def leaf_hashes(conn: Connection, one: Range, *, start: int, limit: int) -> list[bytes]:
    """Leaf hashes (RFC 6962) of the next rows of a range, in the order of the tree."""
    cursor = await conn.execute(
        "SELECT sha256('\\x00'::bytea || e.entry) FROM audit_runs r JOIN audit_events e ON e.boot = r.boot"
        " AND e.seq >= r.seq + greatest(%(start)s - r.leaf, 0) AND e.seq < r.seq + least(r.count, %(ends)s - r.leaf)"
        " WHERE r.epoch = %(epoch)s AND r.leaf < %(ends)s AND r.leaf + r.count > %(start)s"
        " ORDER BY r.leaf + (e.seq - r.seq)",
        {"epoch": one.epoch, "start": start, "ends": min(one.ends, start + limit)},
    )
    return [bytes(row[0]) for row in await cursor.fetchall()]


async def is_sealed(conn: Connection, event: UUID) -> bool:
    """Whether this row is a leaf."""
    cursor = await conn.execute(
        "SELECT 1 FROM audit_events e WHERE e.id = %s AND audit_is_sealed(e.boot, e.seq)", (event,)
    )
    return await cursor.fetchone() is not None


async def remove(conn: Connection, statement: UUID) -> int:
    """Remove what the statement says; ConflictError when that is not what is there."""
    try:
        cursor = await conn.execute("SELECT audit_remove(%s)", (statement,))
    except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.LockNotAvailable) as error:
        raise ConflictError(
            f"Nothing was removed: {error.diag.message_primary}.", remedy="The next run tries again."
        ) from None
    row = await cursor.fetchone()
    return row[0] if row else 0


async def unreferenced(conn: Connection, statement: UUID) -> list[str]:
    """Contents of a removal that no row refers to any more."""
    cursor = await conn.execute(
        "SELECT unnest(contents) FROM audit_removals WHERE statement = %s"
        " EXCEPT (SELECT jsonb_array_elements_text(e.body -> 'contents') FROM audit_events e"
        " WHERE jsonb_typeof(e.body -> 'contents') = 'array'"
        " UNION ALL SELECT e.body #>> '{arguments,sha256}' FROM audit_events e"
        " WHERE e.body #>> '{arguments,sha256}' IS NOT NULL"
        " UNION ALL SELECT e.body #>> '{result,sha256}' FROM audit_events e"
        " WHERE e.body #>> '{result,sha256}' IS NOT NULL)",
        (statement,),
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def sweep(conn: Connection, statement: UUID, candidates: list[str], *, since: UUID) -> int:
    """Remove those contents, after one more look at rows since."""
    cursor = await conn.execute("SELECT audit_sweep(%s, %s, %s)", (statement, candidates, since))
    row = await cursor.fetchone()
    return row[0] if row else 0


async def lock_retention(conn: Connection) -> bool:
    """Whether this connection is now the only one that removes."""
    cursor = await conn.execute("SELECT pg_try_advisory_lock(7305409316)")
    row = await cursor.fetchone()
    return bool(row and row[0])


async def entry(conn: Connection, event: UUID) -> bytes | None:
    """The stored bytes of a row."""
    cursor = await conn.execute("SELECT entry FROM audit_events WHERE id = %s", (event,))
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None
