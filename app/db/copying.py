"""Whole tables out of one database and into another, as text of COPY: any server from 14 to 18, one snapshot.

The schema never travels: it is made anew by the migrations of this file, so that nothing from outside is executed.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from graphlib import CycleError, TopologicalSorter

import msgspec
from psycopg import errors, sql

from app.core.errors import DatabaseError
from app.db.connect import Connection
from app.db.migrate import Migration, migrate
from app.db.rows import struct_row

_MONTH = re.compile(r"audit_events_(\d{4})_(\d{2})")
_HISTORY = "schema_migrations"


class Table(msgspec.Struct, frozen=True):
    """A table and its columns in order."""

    name: str
    columns: list[str]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a database is like: its history, its tables (those others refer to first), the months of its record."""

    version: int
    migrations: list[tuple[int, str]]
    tables: list[Table]
    months: list[str]

    @property
    def schema(self) -> int:
        """The number of its newest migration."""
        return max((number for number, _ in self.migrations), default=0)


@asynccontextmanager
async def snapshot(conn: Connection) -> AsyncIterator[None]:
    """Everything read inside the block is of one moment, whatever is written meanwhile."""
    async with conn.transaction():
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


async def shape(conn: Connection) -> Shape:
    """What this database is like; DatabaseError when it holds no site."""
    if await is_empty(conn):
        raise DatabaseError("The database holds no site.", remedy="Start the site once.")
    cursor = await conn.execute("SELECT number, checksum FROM schema_migrations ORDER BY number")
    migrations = [(int(row[0]), str(row[1])) for row in await cursor.fetchall()]
    cursor = await conn.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'audit_events'::regclass ORDER BY 1"
    )
    months = [
        match[1] + "-" + match[2] for row in await cursor.fetchall() if (match := _MONTH.fullmatch(row[0]))
    ]
    version = conn.info.server_version
    return Shape(version=version, migrations=migrations, tables=await _tables(conn), months=months)


async def is_empty(conn: Connection) -> bool:
    """Whether nothing at all is in the schema."""
    cursor = await conn.execute(
        "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace)"
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def copy_out(conn: Connection, table: Table) -> AsyncGenerator[bytes, None]:
    """The rows of a table."""
    query = sql.SQL("COPY (SELECT {columns} FROM {name}) TO STDOUT").format(**_named(table))
    async with conn.cursor() as cursor, cursor.copy(query) as copy:
        async for data in copy:
            yield bytes(data)


async def copy_in(conn: Connection, table: Table, rows: AsyncIterator[bytes]) -> int:
    """Put rows into a table; how many. DatabaseError when the table does not take them."""
    query = sql.SQL("COPY {name} ({columns}) FROM STDIN").format(**_named(table))
    try:
        async with conn.cursor() as cursor:
            async with cursor.copy(query) as copy:
                async for data in rows:
                    await copy.write(data)
            return cursor.rowcount
    except (errors.DataError, errors.IntegrityError) as error:
        raise DatabaseError(
            f"Rows of {table.name} are not what this schema holds: {str(error).splitlines()[0]}.",
            remedy="Nothing was changed; take another backup.",
        ) from None


@asynccontextmanager
async def loading(
    conn: Connection, given: Shape, known: Sequence[Migration], *, mark: str = "", replace: bool = False
) -> AsyncIterator[list[Table]]:
    """Make the schema of `given`, empty, for the block to fill: all of it is one transaction.

    `mark` is left in the database, to be found by `marked`; with `replace` what is there goes in the same transaction.
    DatabaseError when this file does not know that schema, or the tables are not what it makes.
    """
    recognise(given, known)
    async with conn.transaction():
        if replace:
            await conn.execute(sql.SQL(_EMPTY))
        await migrate(conn, list(known[: given.schema]))
        tables = await _tables(conn)
        if _compared(tables) != _compared(given.tables):
            raise DatabaseError(
                "The tables of the backup are not those that this file makes.",
                remedy="Use the file of the release that made it; nothing was changed.",
            )
        for month in given.months:
            await conn.execute("SELECT audit_ensure_partition((%s || '-15')::timestamptz)", (month,))
        await _triggers(conn, "DISABLE")
        names = sql.SQL(", ").join(sql.Identifier(table.name) for table in tables)
        await conn.execute(sql.SQL("TRUNCATE {}").format(names))
        yield tables
        await _triggers(conn, "ENABLE")
        if mark:
            remark = sql.SQL("COMMENT ON TABLE schema_migrations IS {}").format(sql.Literal(mark))
            await conn.execute(remark)


# All names are gathered before the first is dropped: what a CASCADE took along has none any more.
_EMPTY = """DO $$ DECLARE change text; BEGIN
    FOREACH change IN ARRAY ARRAY(
        SELECT format('DROP %s IF EXISTS %s CASCADE', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'
                      ELSE 'TABLE' END, c.oid::regclass)
        FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
          AND NOT c.relispartition
        UNION ALL
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
        FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    ) LOOP
        EXECUTE change;
    END LOOP;
END $$"""


async def marked(conn: Connection) -> str:
    """The mark that the last load left, empty for none."""
    cursor = await conn.execute(
        "SELECT coalesce(obj_description(to_regclass('schema_migrations'), 'pg_class'), '')"
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else ""


async def analyse(conn: Connection) -> None:
    """Let the planner know what was loaded."""
    await conn.execute("ANALYZE")


def recognise(given: Shape, known: Sequence[Migration]) -> None:
    """DatabaseError unless this file can make that very schema."""
    if given.schema > len(known):
        raise DatabaseError(
            f"The schema there is {given.schema}, this file knows only {len(known)}.",
            remedy="Use a newer file; nothing was changed.",
        )
    if given.migrations != [(one.number, one.checksum) for one in known[: given.schema]]:
        raise DatabaseError(
            "The schema there was not made by the migrations of this file.",
            remedy="Use the file of the release that made it; nothing was changed.",
        )


async def _tables(conn: Connection) -> list[Table]:
    """All but partitions and the history of migrations, those that others refer to first."""
    async with conn.cursor(row_factory=struct_row(Table)) as cursor:
        await cursor.execute(
            "SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND c.relname <> %s"
            " AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''"
            " GROUP BY c.relname",
            (_HISTORY,),
        )
        found = {table.name: table for table in await cursor.fetchall()}
    references = await conn.execute(
        "SELECT f.relname, t.relname FROM pg_constraint k JOIN pg_class f ON f.oid = k.conrelid"
        " JOIN pg_class t ON t.oid = k.confrelid"
        " WHERE k.contype = 'f' AND k.conparentid = 0 AND k.connamespace = current_schema()::regnamespace"
        " ORDER BY 1, 2"
    )
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in sorted(found)})
    for name, other in await references.fetchall():
        if name != other:
            order.add(name, other)
    try:
        return [found[name] for name in order.static_order()]
    except CycleError as error:
        raise DatabaseError(f"Tables refer to each other in a circle: {error.args[1]}.") from None


async def _triggers(conn: Connection, word: str) -> None:
    """Switch the schema's own triggers, which refuse or react to changes; foreign keys stay checked."""
    cursor = await conn.execute(
        "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
    )
    how = sql.SQL("DISABLE") if word == "DISABLE" else sql.SQL("ENABLE")
    for (name,) in await cursor.fetchall():
        await conn.execute(sql.SQL("ALTER TABLE {} {} TRIGGER USER").format(sql.Identifier(name), how))


def _named(table: Table) -> dict[str, sql.Composable]:
    columns = sql.SQL(", ").join(sql.Identifier(column) for column in table.columns)
    return {"name": sql.Identifier(table.name), "columns": columns}


def _compared(tables: Sequence[Table]) -> dict[str, set[str]]:
    return {table.name: set(table.columns) for table in tables}
