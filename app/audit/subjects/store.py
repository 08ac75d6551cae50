"""All SQL about the persons in the record."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from app import db
from app.db import Connection, Pool, struct_row

__all__ = ["Connection", "Pool"]

_UNREAD = "The persons of the record cannot be read"


transaction = partial(db.transaction, what=_UNREAD)
"""One transaction; a database that is away is a DatabaseError."""


@asynccontextmanager
async def alone(connect: Callable[[], Awaitable[Connection]]) -> AsyncIterator[Connection]:
    """One transaction on a connection of its own, for as long as it takes."""
    with db.trouble_told(_UNREAD):
        async with await connect() as conn, conn.transaction():
            yield conn


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


async def lock_holds(conn: Connection) -> None:
    """The lock that an erasure and a new hold both take, so that neither overlooks the other."""
    await conn.execute("SELECT pg_advisory_xact_lock(7305409314)")


async def lock_telling(conn: Connection) -> None:
    """One node at a time states erasures in the record."""
    await conn.execute("SELECT pg_advisory_xact_lock(7305409315)")


async def held_directly(conn: Connection, subject: UUID) -> list[UUID]:
    """Holds that stand and name this person, with rows or without."""
    cursor = await conn.execute(
        "SELECT hold FROM audit_holds WHERE subject = %s AND lifted IS NULL", (subject,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def destroy(
    conn: Connection, subject: UUID, *, account: str, erasure: UUID, stated: str, at: datetime
) -> bool:
    """Destroy key and name for ever; False when that was done before. Every node is told.

    `stated` is the row that will say so, as JSON: whoever comes after a crash writes that very row.
    """
    cursor = await conn.execute(
        "UPDATE audit_subjects SET name = NULL, key = NULL, account = %s, erased = %s, erasure = %s, stated = %s"
        " WHERE subject = %s AND erased IS NULL",
        (account, at, erasure, stated, subject),
    )
    await conn.execute("SELECT pg_notify('sallyport_changed', 'persons')")
    return cursor.rowcount == 1


async def insert_erased(
    conn: Connection, subject: UUID, *, key_id: str, erasure: UUID, stated: str, at: datetime
) -> None:
    """A person who was erased, in a restored database that does not know them."""
    await conn.execute(
        "INSERT INTO audit_subjects (subject, key_id, created, erased, erasure, stated)"
        " VALUES (%(subject)s, %(key_id)s, %(at)s, %(at)s, %(erasure)s, %(stated)s) ON CONFLICT DO NOTHING",
        {"subject": subject, "key_id": key_id, "at": at, "erasure": erasure, "stated": stated},
    )


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows and contents of the record are about a person."""

    rows: int
    held: int
    oldest: datetime | None
    newest: datetime | None


async def count_rows(conn: Connection, subject: UUID) -> Rows:
    """Rows about a person, as the one who asked or the one it was about."""
    async with conn.cursor(row_factory=struct_row(Rows)) as cursor:
        await cursor.execute(
            "SELECT count(*) AS rows, count(*) FILTER (WHERE EXISTS (SELECT FROM audit_events c"
            " WHERE c.call = e.call AND audit_row_held(c))) AS held, min(e.time) AS oldest, max(e.time) AS newest"
            " FROM audit_events e WHERE e.subject = %(subject)s OR e.resource_subject = %(subject)s",
            {"subject": subject},
        )
        row = await cursor.fetchone()
        return row if row is not None else Rows(rows=0, held=0, oldest=None, newest=None)


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure, the row that says so, and whether that row is known to stand in the record."""

    subject: UUID
    erasure: UUID
    stated: dict[str, Any]
    told: bool


async def erasures(conn: Connection) -> list[Erased]:
    """All erasures, oldest first."""
    async with conn.cursor(row_factory=struct_row(Erased)) as cursor:
        await cursor.execute(
            "SELECT subject, erasure, stated, told FROM audit_subjects WHERE erased IS NOT NULL ORDER BY erased"
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
