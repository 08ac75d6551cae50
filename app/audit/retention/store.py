"""All SQL of holds and retention."""

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
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One transaction; a database that is away is a DatabaseError."""
    try:
        async with pool.connection() as conn, conn.transaction():
            yield conn
    except _AWAY as error:
        raise DatabaseError(
            f"Retention cannot be looked at: {' '.join(str(error).split()) or type(error).__name__}.",
            remedy="Try again when the database is back.",
        ) from error


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
