"""All SQL of the catalog; the caller owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec

from app import db
from app.catalog.definition import Kind
from app.catalog.pins import Pin
from app.db import Connection, Pool, struct_row

__all__ = ["Connection", "Pool"]

Verdict = Literal["trusted", "approved", "rejected"]


transaction = partial(db.transaction, what="The catalog cannot be read")
"""One transaction; a database that is away is a DatabaseError."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One definition that was seen; `findings` is JSON."""

    server: str
    kind: Kind
    name: str
    digest: str
    document: str
    findings: str
    first_seen: datetime
    rejected: bool = False


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """Who judged a definition, and how."""

    revision: int
    server: str
    kind: Kind
    name: str
    digest: str
    verdict: Verdict
    author: str
    judged: datetime


async def revision(conn: Connection) -> int:
    """The number of the latest change; what is read later may be newer, which the next look notices."""
    cursor = await conn.execute("SELECT revision FROM catalog_revision", prepare=True)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def lock_revision(conn: Connection) -> int:
    """The number of the latest change; later changes wait for the end of this transaction."""
    cursor = await conn.execute("SELECT revision FROM catalog_revision FOR UPDATE")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def set_revision(conn: Connection, number: int) -> None:
    """Count a change and tell every node when it is committed."""
    await conn.execute("UPDATE catalog_revision SET revision = %s", (number,))
    await conn.execute("SELECT pg_notify('sallyport_changed', 'catalog')")


async def pins(conn: Connection) -> list[Pin]:
    """All of them, by server, kind and name."""
    async with conn.cursor(row_factory=struct_row(Pin)) as cursor:
        await cursor.execute(
            "SELECT server, kind, name, approved, pending, seen, changed FROM catalog_pins ORDER BY server, kind, name"
        )
        return await cursor.fetchall()


async def pins_of(conn: Connection, server: str) -> list[Pin]:
    """Those of one server."""
    async with conn.cursor(row_factory=struct_row(Pin)) as cursor:
        await cursor.execute(
            "SELECT server, kind, name, approved, pending, seen, changed FROM catalog_pins"
            " WHERE server = %s ORDER BY kind, name",
            (server,),
        )
        return await cursor.fetchall()


async def put_pins(conn: Connection, rows: Sequence[Pin]) -> None:
    """Make or replace pins."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO catalog_pins (server, kind, name, approved, pending, seen, changed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (server, kind, name) DO UPDATE SET"
            " approved = excluded.approved, pending = excluded.pending, seen = excluded.seen, changed = excluded.changed",
            [
                (row.server, row.kind, row.name, row.approved, row.pending, row.seen, row.changed)
                for row in rows
            ],
        )


async def put_versions(conn: Connection, rows: Sequence[Version]) -> None:
    """Keep definitions that were not seen before."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO catalog_versions (server, kind, name, digest, document, findings, first_seen)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (row.server, row.kind, row.name, row.digest, row.document, row.findings, row.first_seen)
                for row in rows
            ],
        )


async def version(conn: Connection, key: tuple[str, Kind, str], digest: str) -> Version | None:
    """One definition of a name."""
    async with conn.cursor(row_factory=struct_row(Version)) as cursor:
        await cursor.execute(
            "SELECT server, kind, name, digest, document, findings, first_seen, rejected FROM catalog_versions"
            " WHERE server = %s AND kind = %s AND name = %s AND digest = %s",
            (*key, digest),
        )
        return await cursor.fetchone()


async def pending(conn: Connection) -> list[Version]:
    """The definitions that wait for a person, by server, kind and name."""
    async with conn.cursor(row_factory=struct_row(Version)) as cursor:
        await cursor.execute(
            "SELECT v.server, v.kind, v.name, v.digest, v.document, v.findings, v.first_seen, v.rejected"
            " FROM catalog_pins p JOIN catalog_versions v"
            " ON (v.server, v.kind, v.name, v.digest) = (p.server, p.kind, p.name, p.pending)"
            " WHERE p.pending IS NOT NULL ORDER BY v.server, v.kind, v.name LIMIT 10000"
        )
        return await cursor.fetchall()


async def rejected(conn: Connection, server: str) -> set[tuple[str, str, str]]:
    """Kind, name and digest of the definitions of a server that a person refused."""
    cursor = await conn.execute(
        "SELECT kind, name, digest FROM catalog_versions WHERE server = %s AND rejected", (server,)
    )
    return {(row[0], row[1], row[2]) for row in await cursor.fetchall()}


async def documents(conn: Connection, server: str) -> list[tuple[str, str, str]]:
    """Kind, name and document of what was approved of the names that a server listed before and now does not."""
    cursor = await conn.execute(
        "SELECT v.kind, v.name, v.document FROM catalog_pins p JOIN catalog_versions v"
        " ON (v.server, v.kind, v.name) = (p.server, p.kind, p.name) AND v.digest IN (p.approved, p.seen)"
        " WHERE p.server = %s",
        (server,),
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def set_rejected(conn: Connection, key: tuple[str, Kind, str], digest: str, *, value: bool) -> None:
    """Remember whether a person refused this definition."""
    await conn.execute(
        "UPDATE catalog_versions SET rejected = %s WHERE server = %s AND kind = %s AND name = %s AND digest = %s",
        (value, *key, digest),
    )


async def prune(conn: Connection, server: str, most: int) -> None:
    """Forget the oldest versions of each name beyond `most` that nobody approved, refused or has to judge."""
    await conn.execute(
        "DELETE FROM catalog_versions v USING (SELECT server, kind, name, digest, row_number() OVER"
        " (PARTITION BY kind, name ORDER BY first_seen DESC) AS place FROM catalog_versions WHERE server = %s) o,"
        " catalog_pins p WHERE (v.server, v.kind, v.name, v.digest) = (o.server, o.kind, o.name, o.digest)"
        " AND (p.server, p.kind, p.name) = (v.server, v.kind, v.name) AND o.place > %s AND NOT v.rejected"
        " AND v.digest IS DISTINCT FROM p.approved AND v.digest IS DISTINCT FROM p.pending"
        " AND v.digest IS DISTINCT FROM p.seen",
        (server, most),
    )


async def insert_judgments(conn: Connection, rows: Sequence[Judgment]) -> None:
    """Remember who judged what."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO catalog_judgments (revision, server, kind, name, digest, verdict, author, judged)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    row.revision,
                    row.server,
                    row.kind,
                    row.name,
                    row.digest,
                    row.verdict,
                    row.author,
                    row.judged,
                )
                for row in rows
            ],
        )


async def judgments(conn: Connection, key: tuple[str, Kind, str]) -> list[Judgment]:
    """Who judged the definitions of a name, newest first."""
    async with conn.cursor(row_factory=struct_row(Judgment)) as cursor:
        await cursor.execute(
            "SELECT revision, server, kind, name, digest, verdict, author, judged FROM catalog_judgments"
            " WHERE server = %s AND kind = %s AND name = %s ORDER BY revision DESC LIMIT 100",
            key,
        )
        return await cursor.fetchall()
