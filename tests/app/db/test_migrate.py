"""Migrations go forward once, under a lock, and refuse what they do not know."""

import asyncio

import msgspec
import pytest

from app.core.errors import DatabaseError
from app.core.paths import resources
from app.db import connect
from app.db.migrate import migrate, read_migrations

MIGRATIONS = read_migrations(resources() / "migrations")


async def test_every_migration_is_applied_once(empty_database: str) -> None:
    async with await connect(empty_database, purpose="test") as conn:
        assert await migrate(conn, MIGRATIONS) == MIGRATIONS
        assert await migrate(conn, MIGRATIONS) == []


async def test_two_starts_at_once_migrate_once(empty_database: str) -> None:
    async def start() -> int:
        async with await connect(empty_database, purpose="test") as conn:
            return len(await migrate(conn, MIGRATIONS))

    assert sorted(await asyncio.gather(start(), start())) == [0, len(MIGRATIONS)]


async def test_newer_database_is_refused(empty_database: str) -> None:
    newer = [*MIGRATIONS, msgspec.structs.replace(MIGRATIONS[0], number=len(MIGRATIONS) + 1, text="SELECT 1")]
    async with await connect(empty_database, purpose="test") as conn:
        await migrate(conn, newer)
        with pytest.raises(DatabaseError, match="Start a newer file"):
            await migrate(conn, MIGRATIONS)


async def test_altered_migration_is_refused(empty_database: str) -> None:
    altered = [msgspec.structs.replace(MIGRATIONS[0], checksum="0" * 64), *MIGRATIONS[1:]]
    async with await connect(empty_database, purpose="test") as conn:
        await migrate(conn, MIGRATIONS)
        with pytest.raises(DatabaseError, match="is not the one in this file"):
            await migrate(conn, altered)


async def test_failed_migration_leaves_nothing(empty_database: str) -> None:
    broken = [
        *MIGRATIONS,
        msgspec.structs.replace(MIGRATIONS[0], number=len(MIGRATIONS) + 1, text="CREATE TABLE x(); BOOM"),
    ]
    async with await connect(empty_database, purpose="test") as conn:
        with pytest.raises(Exception, match="BOOM"):
            await migrate(conn, broken)
        cursor = await conn.execute("SELECT to_regclass('x'), (SELECT count(*) FROM schema_migrations)")
        assert await cursor.fetchone() == (None, len(MIGRATIONS))
