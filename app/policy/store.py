"""All SQL of policies; the caller owns the transaction."""

from datetime import datetime
from functools import partial

import msgspec

from app import db
from app.db import Connection, Pool, struct_row

__all__ = ["Connection", "Pool"]


transaction = partial(db.transaction, what="Policies cannot be read")
"""One transaction; a database that is away is a DatabaseError."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a policy; `applied` says since when it holds, None if it does not."""

    name: str
    version: int
    sha256: str
    author: str
    approver: str | None
    created: datetime
    applied: datetime | None = None


class Stored(Version, frozen=True, kw_only=True):
    """A version with its exact text."""

    source: str


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """A change of what holds; no version means that the policy was retired."""

    revision: int
    name: str
    version: int | None
    author: str
    applied: datetime


async def revision(conn: Connection) -> int:
    """The number of the latest change; what is read later may be newer, which the next look notices."""
    cursor = await conn.execute("SELECT revision FROM policy_revision", prepare=True)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def lock_revision(conn: Connection) -> int:
    """The number of the latest change; later changes wait for the end of this transaction."""
    cursor = await conn.execute("SELECT revision FROM policy_revision FOR UPDATE")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def set_revision(conn: Connection, number: int) -> None:
    """Count a change and tell every node when it is committed."""
    await conn.execute("UPDATE policy_revision SET revision = %s", (number,))
    await conn.execute("SELECT pg_notify('sallyport_changed', 'policy')")


async def active(conn: Connection) -> list[Stored]:
    """The versions that hold, by name."""
    async with conn.cursor(row_factory=struct_row(Stored)) as cursor:
        await cursor.execute(
            "SELECT v.name, v.version, v.sha256, v.source, v.author, v.approver, v.created, a.applied"
            " FROM policy_active a JOIN policy_versions v USING (name, version) ORDER BY v.name"
        )
        return await cursor.fetchall()


async def latest(conn: Connection, name: str) -> int:
    """The highest version of a name, 0 for a new one."""
    cursor = await conn.execute("SELECT max(version) FROM policy_versions WHERE name = %s", (name,))
    row = await cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else 0


async def version(conn: Connection, name: str, number: int) -> Stored | None:
    """One version of a policy."""
    async with conn.cursor(row_factory=struct_row(Stored)) as cursor:
        await cursor.execute(
            "SELECT v.name, v.version, v.sha256, v.source, v.author, v.approver, v.created, a.applied"
            " FROM policy_versions v LEFT JOIN policy_active a USING (name, version)"
            " WHERE v.name = %s AND v.version = %s",
            (name, number),
        )
        return await cursor.fetchone()


async def versions(conn: Connection, name: str) -> list[Version]:
    """All versions of a policy, newest first."""
    async with conn.cursor(row_factory=struct_row(Version)) as cursor:
        await cursor.execute(
            "SELECT v.name, v.version, v.sha256, v.author, v.approver, v.created, a.applied"
            " FROM policy_versions v LEFT JOIN policy_active a USING (name, version)"
            " WHERE v.name = %s ORDER BY v.version DESC LIMIT 1000",
            (name,),
        )
        return await cursor.fetchall()


async def newest_versions(conn: Connection) -> list[Version]:
    """Of every name the version that holds, or the newest where none does."""
    async with conn.cursor(row_factory=struct_row(Version)) as cursor:
        await cursor.execute(
            "SELECT DISTINCT ON (v.name) v.name, v.version, v.sha256, v.author, v.approver, v.created, a.applied"
            " FROM policy_versions v LEFT JOIN policy_active a USING (name, version)"
            " ORDER BY v.name, a.applied NULLS LAST, v.version DESC"
        )
        return await cursor.fetchall()


async def insert_version(conn: Connection, row: Stored) -> None:
    """Keep a new version."""
    await conn.execute(
        "INSERT INTO policy_versions (name, version, sha256, source, author, approver, created)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (row.name, row.version, row.sha256, row.source, row.author, row.approver, row.created),
    )


async def activate(conn: Connection, name: str, number: int, author: str, at: datetime) -> None:
    """Let a version hold."""
    await conn.execute(
        "INSERT INTO policy_active (name, version, applied, author) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET version = excluded.version, applied = excluded.applied,"
        " author = excluded.author",
        (name, number, at, author),
    )


async def deactivate(conn: Connection, name: str) -> bool:
    """Let no version of the name hold; whether one did."""
    cursor = await conn.execute("DELETE FROM policy_active WHERE name = %s", (name,))
    return cursor.rowcount > 0


async def insert_activation(conn: Connection, row: Activation) -> None:
    """Remember who changed what holds."""
    await conn.execute(
        "INSERT INTO policy_activations (revision, name, version, author, applied) VALUES (%s, %s, %s, %s, %s)",
        (row.revision, row.name, row.version, row.author, row.applied),
    )


async def activations(conn: Connection, name: str) -> list[Activation]:
    """What held when, newest first."""
    async with conn.cursor(row_factory=struct_row(Activation)) as cursor:
        await cursor.execute(
            "SELECT revision, name, version, author, applied FROM policy_activations"
            " WHERE name = %s ORDER BY revision DESC LIMIT 1000",
            (name,),
        )
        return await cursor.fetchall()
