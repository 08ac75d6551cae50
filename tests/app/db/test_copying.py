"""Whole tables move between databases: every row, triggers on again, nothing of a schema that is not ours."""

import msgspec
import psycopg
import pytest

from app.core.errors import DatabaseError
from app.core.paths import resources
from app.db import connect
from app.db.copying import Shape, Table, is_empty, loading, marked, recognise, shape
from app.db.major import copy_database
from app.db.migrate import read_migrations

pytestmark = pytest.mark.database
KNOWN = read_migrations(resources() / "migrations")
ODD = "tab\t line\n back\\slash 'quote' é\u2028 \\."


def _fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("INSERT INTO roles (name, description) VALUES ('odd', %s)", (ODD,))
        conn.execute("SELECT audit_ensure_partition('2024-02-10')")


async def test_every_row_and_every_guard_is_there_afterwards(database: str, empty_database: str) -> None:
    _fill(database)
    async with (
        await connect(database, purpose="test") as source,
        await connect(empty_database, purpose="test") as target,
    ):
        assert await copy_database(source, target) > 0
        assert await shape(target) == await shape(source)
        assert "2024-02" in (await shape(target)).months
        cursor = await target.execute("SELECT description FROM roles WHERE name = 'odd'")
        assert await cursor.fetchone() == (ODD,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            await target.execute("TRUNCATE audit_boots")
        cursor = await target.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")
        assert await cursor.fetchone() == (0,)


async def test_a_load_that_fails_leaves_an_empty_database_empty(database: str, empty_database: str) -> None:
    async with await connect(database, purpose="test") as source:
        given = await shape(source)
    async with await connect(empty_database, purpose="test") as target:
        with pytest.raises(RuntimeError):
            async with loading(target, given, KNOWN, mark="here"):
                raise RuntimeError
        assert await is_empty(target)
        assert await marked(target) == ""


async def test_what_is_there_is_replaced_in_the_same_transaction_or_stays(database: str) -> None:
    _fill(database)
    async with await connect(database, purpose="test") as conn:
        given = await shape(conn)
        with pytest.raises(RuntimeError):
            async with loading(conn, given, KNOWN, replace=True):
                raise RuntimeError
        odd = await conn.execute("SELECT count(*) FROM roles WHERE name = 'odd'")
        assert await odd.fetchone() == (1,)
        async with loading(conn, given, KNOWN, mark="here", replace=True):
            pass
        assert await marked(conn) == "here"
        rows = await conn.execute("SELECT count(*) FROM roles")
        assert await rows.fetchone() == (0,)


async def test_a_schema_that_this_file_does_not_make_is_refused(database: str, empty_database: str) -> None:
    async with await connect(database, purpose="test") as source:
        given = await shape(source)
    newer = [*given.migrations, (len(KNOWN) + 1, "x")]
    other = [(1, "x"), *given.migrations[1:]]
    for migrations, said in ((newer, "knows only"), (other, "not made by the migrations")):
        with pytest.raises(DatabaseError, match=said):
            recognise(msgspec.structs.replace(given, migrations=migrations), KNOWN)
    strange = [*given.tables, Table("strange", ["a"])]
    more = [Table(one.name, [*one.columns, "strange"]) for one in given.tables]
    async with await connect(empty_database, purpose="test") as target:
        for tables in (strange, more, given.tables[1:]):
            with pytest.raises(DatabaseError, match="not those that this file makes"):
                async with loading(target, _with(given, tables), KNOWN):
                    pass
        assert await is_empty(target)


def _with(given: Shape, tables: list[Table]) -> Shape:
    return msgspec.structs.replace(given, tables=tables)
