"""All SQL about the persons in the record."""

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
            f"The persons of the record cannot be read: {' '.join(str(error).split()) or type(error).__name__}.",
            remedy="Try again when the database is back.",
        ) from error


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A person as stored: name and wrapped key are None once erased."""

    subject: UUID
    account: str
    name: str | None
    key: bytes | None
    key_id: str
    created: datetime
    erased: datetime | None


async def by_name(conn: Connection, name: str) -> Stored | None:
    """The person who has this name now."""
    async with conn.cursor(row_factory=struct_row(Stored)) as cursor:
        await cursor.execute(
            "SELECT subject, account, name, key, key_id, created, erased FROM audit_subjects"
            " WHERE name = %s AND erased IS NULL",
            (name,),
        )
        return await cursor.fetchone()


async def by_ids(conn: Connection, subjects: list[UUID]) -> list[Stored]:
    """These persons, erased ones too."""
    async with conn.cursor(row_factory=struct_row(Stored)) as cursor:
        await cursor.execute(
            "SELECT subject, account, name, key, key_id, created, erased FROM audit_subjects WHERE subject = ANY (%s)",
            (subjects,),
        )
        return await cursor.fetchall()


async def insert(conn: Connection, row: Stored) -> None:
    """A new person, unless the name is there already or the account was erased."""
    await conn.execute(
        "INSERT INTO audit_subjects (subject, account, name, key, key_id, created)"
        " SELECT %(subject)s, %(account)s::text, %(name)s, %(key)s, %(key_id)s, %(created)s"
        " WHERE %(account)s::text = '' OR NOT EXISTS"
        " (SELECT FROM audit_subjects e WHERE e.account = %(account)s::text AND e.erased IS NOT NULL)"
        " ON CONFLICT (name) WHERE erased IS NULL DO NOTHING",
        {
            "subject": row.subject,
            "account": row.account,
            "name": row.name,
            "key": row.key,
            "key_id": row.key_id,
            "created": row.created,
        },
    )


async def newest_key_id(conn: Connection) -> str | None:
    """Which site key wrapped the newest key that is still there."""
    cursor = await conn.execute(
        "SELECT key_id FROM audit_subjects WHERE erased IS NULL ORDER BY created DESC LIMIT 1"
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None


async def erased_since(conn: Connection, seconds: float) -> list[UUID]:
    """Persons erased in the last so many seconds."""
    cursor = await conn.execute(
        "SELECT subject FROM audit_subjects WHERE erased > now() - make_interval(secs => %s)", (seconds,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def keep_writers_out(conn: Connection) -> None:
    """Until this transaction ends no sealed row is inserted; waits for those under way (audit_subjects_guard)."""
    await conn.execute("SELECT pg_advisory_xact_lock(7305409313)")


async def destroy(conn: Connection, subject: UUID, *, account: str, erasure: UUID, at: datetime) -> bool:
    """Destroy key and name for ever; False when that was done before. Every node is told."""
    cursor = await conn.execute(
        "UPDATE audit_subjects SET name = NULL, key = NULL, account = %s, erased = %s, erasure = %s"
        " WHERE subject = %s AND erased IS NULL",
        (account, at, erasure, subject),
    )
    await conn.execute("SELECT pg_notify('sallyport_changed', 'persons')")
    return cursor.rowcount == 1


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows and contents of the record are about a person."""

    rows: int
    oldest: datetime | None
    newest: datetime | None


async def count_rows(conn: Connection, subject: UUID) -> Rows:
    """Rows about a person, as the one who asked or the one it was about."""
    async with conn.cursor(row_factory=struct_row(Rows)) as cursor:
        await cursor.execute(
            "SELECT count(*) AS rows, min(time) AS oldest, max(time) AS newest FROM audit_events"
            " WHERE subject = %(subject)s OR resource_subject = %(subject)s",
            {"subject": subject},
        )
        row = await cursor.fetchone()
        return row if row is not None else Rows(rows=0, oldest=None, newest=None)


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure that may not stand in the record or in the statements yet."""

    subject: UUID
    erasure: UUID
    erased: datetime


async def untold(conn: Connection) -> list[Untold]:
    """Erasures that were interrupted before they were stated."""
    async with conn.cursor(row_factory=struct_row(Untold)) as cursor:
        await cursor.execute(
            "SELECT subject, erasure, erased FROM audit_subjects WHERE erased IS NOT NULL AND NOT told"
        )
        return await cursor.fetchall()


async def set_told(conn: Connection, subject: UUID) -> None:
    """The erasure stands in the record and in the statements."""
    await conn.execute(
        "UPDATE audit_subjects SET told = true WHERE subject = %s AND erased IS NOT NULL", (subject,)
    )


async def event_exists(conn: Connection, event_id: UUID) -> bool:
    """Whether this row stands in the record."""
    cursor = await conn.execute("SELECT 1 FROM audit_events WHERE id = %s LIMIT 1", (event_id,))
    return await cursor.fetchone() is not None
