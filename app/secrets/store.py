"""All SQL about secrets, their grants and the master keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from app import db
from app.core.errors import DatabaseError
from app.db import Connection, Pool, struct_row
from app.secrets.box import Sealed
from app.secrets.records import CatalogueRow, KeyRow, SecretRow, VersionRow

__all__ = ["Connection", "Pool", "transaction"]

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)


transaction = partial(db.transaction, what="Secrets cannot be read")
"""One transaction; a database that is away is a DatabaseError."""


@asynccontextmanager
async def change(pool: Pool) -> AsyncIterator[tuple[Connection, int]]:
    """The one transaction that may change secrets at a time, and the revision it will leave."""
    try:
        async with pool.connection() as conn, conn.transaction():
            cursor = await conn.execute(
                """WITH bumped AS (UPDATE secret_catalogue SET revision = revision + 1 RETURNING revision)
                SELECT revision, pg_notify('sallyport_changed', 'secret') FROM bumped"""
            )
            yield conn, _only(await cursor.fetchone())
    except _AWAY as error:
        raise DatabaseError(
            f"Secrets cannot be changed: {' '.join(str(error).split()) or type(error).__name__}.",
            remedy="Nothing is certain to be changed; look, and try again when the database is back.",
        ) from error


def _only(row: Any) -> int:
    if row is None:
        raise DatabaseError("The tables of secrets are incomplete.", remedy="Restore a backup.")
    return row[0]


# --- the catalogue


async def catalogue(conn: Connection) -> CatalogueRow:
    """Revision and tag."""
    async with conn.cursor(row_factory=struct_row(CatalogueRow)) as cursor:
        await cursor.execute("SELECT revision, tag FROM secret_catalogue")
        found = await cursor.fetchone()
    if found is None:
        raise DatabaseError("The tables of secrets are incomplete.", remedy="Restore a backup.")
    return found


async def hold_still(conn: Connection) -> None:
    """Let nobody change secrets until this transaction ends, so that all that is read is of one moment."""
    await conn.execute("SELECT revision FROM secret_catalogue FOR SHARE")


async def set_catalogue_tag(conn: Connection, tag: bytes) -> None:
    """The tag over everything."""
    await conn.execute("UPDATE secret_catalogue SET tag = %s", (tag,))


# --- master keys


async def keys(conn: Connection) -> list[KeyRow]:
    """Every master key that was ever used, the oldest first."""
    async with conn.cursor(row_factory=struct_row(KeyRow)) as cursor:
        await cursor.execute(
            "SELECT id, state, source, salt, handover, created, created_by FROM secret_keys ORDER BY created, id"
        )
        return await cursor.fetchall()


async def insert_key(conn: Connection, row: KeyRow) -> None:
    """A key that seals from now on."""
    await conn.execute(
        """INSERT INTO secret_keys (id, state, source, salt, handover, created, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (row.id, row.state, row.source, row.salt, row.handover, row.created, row.created_by),
    )


async def set_current_previous(conn: Connection) -> None:
    """The current key makes room for another."""
    await conn.execute("UPDATE secret_keys SET state = 'previous' WHERE state = 'current'")


async def retire_previous(conn: Connection) -> None:
    """Nothing is sealed with the keys before; the handover ends."""
    await conn.execute("UPDATE secret_keys SET state = 'retired' WHERE state = 'previous'")
    await conn.execute("UPDATE secret_keys SET handover = ''")


# --- secrets


async def secrets(conn: Connection) -> list[SecretRow]:
    """Every secret, deleted ones too, by name."""
    async with conn.cursor(row_factory=struct_row(SecretRow)) as cursor:
        await cursor.execute(
            """SELECT s.name, s.purpose, s.version, s.deleted, s.created, s.created_by, s.tag,
            ARRAY(SELECT g.recipient FROM secret_grants g WHERE g.name = s.name ORDER BY 1) AS recipients
            FROM secrets s ORDER BY s.name"""
        )
        return await cursor.fetchall()


async def insert_secret(
    conn: Connection, name: str, *, purpose: str, version: int, now: datetime, by: str
) -> None:
    """A new secret, or one whose name was deleted before: its versions go on."""
    await conn.execute(
        """INSERT INTO secrets (name, purpose, version, created, created_by) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (name) DO UPDATE SET purpose = excluded.purpose, version = excluded.version,
        deleted = false, created = excluded.created, created_by = excluded.created_by""",
        (name, purpose, version, now, by),
    )


async def set_version(conn: Connection, name: str, version: int) -> None:
    """Which version is current."""
    await conn.execute("UPDATE secrets SET version = %s WHERE name = %s", (version, name))


async def set_tag(conn: Connection, name: str, tag: bytes) -> None:
    """The tag over a secret's row, grants and boxes."""
    await conn.execute("UPDATE secrets SET tag = %s WHERE name = %s", (tag, name))


async def mark_deleted(conn: Connection, name: str) -> None:
    """Empty its boxes, forget its grants, keep its name and numbers."""
    await conn.execute("UPDATE secrets SET deleted = true WHERE name = %s", (name,))
    await conn.execute("UPDATE secret_versions SET wrapped = '', value = '' WHERE name = %s", (name,))
    await conn.execute("DELETE FROM secret_grants WHERE name = %s", (name,))


# --- versions


async def versions(conn: Connection) -> list[VersionRow]:
    """Every version whose boxes are kept."""
    async with conn.cursor(row_factory=struct_row(VersionRow)) as cursor:
        await cursor.execute(
            """SELECT name, version, wrapped, value, created, created_by FROM secret_versions
            WHERE value <> '' OR wrapped <> '' ORDER BY name, version"""
        )
        return await cursor.fetchall()


async def versions_of(conn: Connection, name: str) -> list[VersionRow]:
    """Every version of one secret, the newest first."""
    async with conn.cursor(row_factory=struct_row(VersionRow)) as cursor:
        await cursor.execute(
            """SELECT name, version, wrapped, value, created, created_by FROM secret_versions
            WHERE name = %s ORDER BY version DESC LIMIT 1000""",
            (name,),
        )
        return await cursor.fetchall()


async def insert_version(
    conn: Connection, name: str, version: int, sealed: Sealed, *, now: datetime, by: str
) -> None:
    """A version's boxes."""
    await conn.execute(
        """INSERT INTO secret_versions (name, version, wrapped, value, created, created_by)
        VALUES (%s, %s, %s, %s, %s, %s)""",
        (name, version, sealed.wrapped, sealed.value, now, by),
    )


async def destroy_versions(conn: Connection, name: str, before: int) -> None:
    """Empty the boxes of versions older than this."""
    await conn.execute(
        "UPDATE secret_versions SET wrapped = '', value = '' WHERE name = %s AND version < %s", (name, before)
    )


async def set_wrapped(conn: Connection, name: str, version: int, wrapped: bytes) -> None:
    """A data key in the box of another master key."""
    await conn.execute(
        "UPDATE secret_versions SET wrapped = %s WHERE name = %s AND version = %s", (wrapped, name, version)
    )


# --- grants


async def insert_grant(conn: Connection, name: str, recipient: str, now: datetime, by: str) -> None:
    """Let a recipient have it; twice is once."""
    await conn.execute(
        """INSERT INTO secret_grants (name, recipient, granted, granted_by) VALUES (%s, %s, %s, %s)
        ON CONFLICT (name, recipient) DO NOTHING""",
        (name, recipient, now, by),
    )


async def delete_grant(conn: Connection, name: str, recipient: str) -> bool:
    """False when there was none."""
    cursor = await conn.execute(
        "DELETE FROM secret_grants WHERE name = %s AND recipient = %s", (name, recipient)
    )
    return cursor.rowcount == 1
