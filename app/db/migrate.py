"""Migrations: numbered SQL files, forward only, checksummed, applied under an advisory lock."""

import hashlib
import re
from pathlib import Path
from typing import LiteralString, cast

import msgspec
from psycopg import errors, sql

from app.core import crash
from app.core.errors import DatabaseError
from app.db.connect import Connection
from app.db.rows import struct_row

_LOCK = 7_305_409_312  # any constant: one migrating process per database
_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")


class Migration(msgspec.Struct, frozen=True):
    """One file: its number, name, SHA-256 and text."""

    number: int
    name: str
    checksum: str
    text: str


class Applied(msgspec.Struct, frozen=True):
    """One row of schema_migrations."""

    number: int
    name: str
    checksum: str


def read_migrations(folder: Path) -> list[Migration]:
    """The files of `folder` in order; a gap or a foreign name is an error of the build."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.match(path.name)
        if not match:
            raise DatabaseError(f"{path.name} is not a migration's name.", remedy="Name it NNNN_words.sql.")
        text = path.read_text(encoding="utf-8")
        found.append(Migration(int(match[1]), match[2], hashlib.sha256(text.encode()).hexdigest(), text))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise DatabaseError(
            "The migrations are not numbered 1, 2, 3 …", remedy="The file is damaged; copy it again."
        )
    return found


async def migrate(conn: Connection, migrations: list[Migration]) -> list[Migration]:
    """Bring the schema up to date and return what was applied; refuses a newer or altered history."""
    await conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        applied = await _history(conn)
        _verify_history(applied, migrations)
        pending = migrations[len(applied) :]
        for migration in pending:
            await _apply(conn, migration)
        return pending
    except (errors.InsufficientPrivilege, errors.InvalidSchemaName) as error:
        raise DatabaseError(
            f"The schema cannot be brought up to date by this role: {str(error).splitlines()[0]}.",
            remedy="Name the role that owns the schema in database.owner_url; nothing was changed.",
        ) from None
    finally:
        await conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


async def _history(conn: Connection) -> list[Applied]:
    cursor = await conn.execute("SELECT to_regclass('schema_migrations') IS NULL")
    row = await cursor.fetchone()
    if row is not None and row[0]:
        # Not IF NOT EXISTS: that asks for the right to make tables where there is nothing to make.
        await conn.execute(
            "CREATE TABLE schema_migrations ("
            " number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
    async with conn.cursor(row_factory=struct_row(Applied)) as cursor:
        await cursor.execute("SELECT number, name, checksum FROM schema_migrations ORDER BY number")
        return await cursor.fetchall()


def _verify_history(applied: list[Applied], known: list[Migration]) -> None:
    if applied and applied[-1].number > len(known):
        raise DatabaseError(
            f"The database has schema {applied[-1].number}, this file knows only {len(known)}.",
            remedy="Start a newer file; nothing was changed.",
        )
    for row, migration in zip(applied, known, strict=False):
        if (row.number, row.checksum) != (migration.number, migration.checksum):
            raise DatabaseError(
                f"Migration {row.number} ({row.name}) in the database is not the one in this file.",
                remedy="Use the file that made this database, or restore a backup; nothing was changed.",
            )


async def _apply(conn: Connection, migration: Migration) -> None:
    async with conn.transaction():
        # The text is ours, read from the bundle: no caller's value can reach it.
        await conn.execute(sql.SQL(cast("LiteralString", migration.text)))
        await conn.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
            (migration.number, migration.name, migration.checksum),
        )
        if __debug__:
            crash.at("migration.before_commit")
    if __debug__:
        crash.at("migration.after_commit")
