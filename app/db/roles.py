"""Four roles for one database: who changes the schema, who writes, who seals, who only looks.

What needs rights in the server (`founding`) is printed for a DBA or applied; what the owner of the schema can do
(`granting`) is done again after each migration, so that new tables are reached by those who need them. Tables of the
record are named here one by one; every other table is a room's own.
"""

from typing import LiteralString

import msgspec
from psycopg import sql

from app.db.connect import Connection
from app.db.rows import struct_row

_SEAL: dict[str, LiteralString] = {
    "writer": "SELECT",
    "sealer": "SELECT, INSERT, UPDATE",
    "auditor": "SELECT",
}
RECORD: dict[str, dict[str, LiteralString]] = {
    "audit_events": {"writer": "SELECT, INSERT", "sealer": "SELECT", "auditor": "SELECT"},
    "audit_contents": {"writer": "SELECT, INSERT", "sealer": "SELECT", "auditor": "SELECT"},
    "audit_boots": {"writer": "SELECT, INSERT, UPDATE", "sealer": "SELECT, UPDATE", "auditor": "SELECT"},
    "audit_epochs": _SEAL,
    "audit_runs": _SEAL,
    "audit_cursors": _SEAL,
    "audit_tiles": _SEAL,
    "audit_heads": _SEAL,
    "audit_checkpoints": _SEAL,
    "audit_cosignatures": _SEAL,
    "audit_log_keys": _SEAL,
    "audit_subjects": {"writer": "SELECT, INSERT, UPDATE"},
    "audit_holds": {"writer": "SELECT, INSERT, UPDATE", "auditor": "SELECT"},
    "audit_removals": {"writer": "SELECT", "auditor": "SELECT"},
    "audit_sinks": {"writer": "SELECT, INSERT, UPDATE, DELETE"},
    "audit_sink_cursors": {"writer": "SELECT, INSERT, UPDATE, DELETE"},
}
"""What each role may do on a table of the record; the owner of a table may do anything but what its triggers refuse."""

_VIEW: dict[str, LiteralString] = {"writer": "SELECT", "auditor": "SELECT"}
_ROOM: dict[str, LiteralString] = {"writer": "SELECT, INSERT, UPDATE, DELETE"}


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The roles' names in the server; the sealer may be the writer, and there may be no auditor (empty)."""

    owner: str
    writer: str
    sealer: str
    auditor: str

    @property
    def others(self) -> list[str]:
        """All but the owner, each once."""
        return [name for name in dict.fromkeys((self.writer, self.sealer, self.auditor)) if name]


class Table(msgspec.Struct, frozen=True):
    """A table (`r`, `p`) or view (`v`) of the schema."""

    name: str
    kind: str
    partition: bool


def founding(names: Names, *, database: str) -> list[sql.Composed]:
    """Make the roles, none of them with special rights, and let the owner own whatever is there already."""
    place, owner = sql.Identifier(database), sql.Identifier(names.owner)
    others = _list(names.others)
    statements = [
        sql.SQL(_MAKE).format(text=sql.Literal(name), name=sql.Identifier(name))
        for name in dict.fromkeys((names.owner, *names.others))
    ]
    if names.auditor:
        quiet = sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on")
        statements.append(quiet.format(sql.Identifier(names.auditor)))
    return [
        *statements,
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(place),
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(place, owner),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(place, others),
        sql.SQL(_SCHEMA).format(owner=sql.Literal(names.owner), roles=sql.Literal(names.others)),
        sql.SQL(_OWN).format(owner=sql.Literal(names.owner)),
    ]


_MAKE = """DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN
        CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END $$"""

_SCHEMA = """DO $$ DECLARE role text; BEGIN
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', current_schema());
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', current_schema(), {owner});
    FOREACH role IN ARRAY {roles}::text[] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
    END LOOP;
END $$"""

_OWN = """DO $$ DECLARE change text; BEGIN
    FOR change IN
        SELECT format('ALTER %s %s OWNER TO %I', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'
                      ELSE 'TABLE' END, c.oid::regclass, {owner})
        FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
          AND pg_get_userbyid(c.relowner) <> {owner}
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, {owner})
        FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND pg_get_userbyid(p.proowner) <> {owner}
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE change;
    END LOOP;
END $$"""


async def grant(conn: Connection, names: Names) -> bool:
    """As the schema's owner: give each role what it needs and nothing else; whether anything was missing."""
    found = await _tables(conn)
    if not await _missing(conn, names, found):
        return False
    async with conn.transaction():
        for statement in granting(names, found):
            await conn.execute(statement)
    return True


def granting(names: Names, found: list[Table]) -> list[sql.Composed]:
    """Take every right from everybody but the owner, then give back what each role is for."""
    members = {"writer": names.writer, "sealer": names.sealer, "auditor": names.auditor}
    others = _list(names.others)
    made = [
        sql.SQL(_PARTITIONS).format(),
        sql.SQL(_TAKE).format(roles=sql.Literal(["public", *names.others])),
        sql.SQL(_REACH).format(roles=sql.Literal(names.others)),
        sql.SQL(_DEFINERS).format(writer=sql.Literal(names.writer)),
        sql.SQL("GRANT SELECT ON schema_migrations TO {}").format(others),
    ]
    for table in found:
        for role, rights in rights_on(table).items():
            if name := members[role]:
                what = {"table": sql.Identifier(table.name), "role": sql.Identifier(name)}
                made.append(sql.SQL("GRANT {} ON {table} TO {role}").format(sql.SQL(rights), **what))
    return made


_TAKE = """DO $$ DECLARE role text; BEGIN
    FOREACH role IN ARRAY {roles}::text[] LOOP
        role := CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END;
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %s', current_schema(), role);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %s', current_schema(), role);
        EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA %I FROM %s', current_schema(), role);
    END LOOP;
END $$"""

_REACH = """DO $$ DECLARE role text; routine regprocedure; BEGIN
    FOREACH role IN ARRAY {roles}::text[] LOOP
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', current_schema(), role);
        FOR routine IN SELECT oid FROM pg_proc
            WHERE pronamespace = current_schema()::regnamespace AND NOT prosecdef
        LOOP
            EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', routine, role);
        END LOOP;
    END LOOP;
END $$"""

# Next month's partition is made by the writer in the name of the owner, and in no schema but ours.
_PARTITIONS = """DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION audit_ensure_partition(timestamptz) SECURITY DEFINER SET search_path = %I, pg_temp',
                   current_schema());
END $$"""

_DEFINERS = """DO $$ DECLARE routine regprocedure; BEGIN
    FOR routine IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prosecdef LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', routine, {writer});
    END LOOP;
END $$"""


def rights_on(table: Table) -> dict[str, LiteralString]:
    """What each role but the owner may do on a table or view."""
    if table.partition or table.name == "schema_migrations":
        return {}  # partitions are reached through audit_events only
    if table.name.startswith("audit_") and table.kind != "v":
        return RECORD.get(table.name, _VIEW)
    return _VIEW if table.kind == "v" else _ROOM


async def _tables(conn: Connection) -> list[Table]:
    async with conn.cursor(row_factory=struct_row(Table)) as cursor:
        await cursor.execute(
            "SELECT c.relname AS name, c.relkind::text AS kind, c.relispartition AS partition FROM pg_class c"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname"
        )
        return await cursor.fetchall()


async def _missing(conn: Connection, names: Names, found: list[Table]) -> bool:
    """Whether a role lacks a right, or the writer has one too many on the record."""
    members = {"writer": names.writer, "sealer": names.sealer, "auditor": names.auditor}
    wanted = [
        (members[role], table.name, right)
        for table in found
        for role, rights in rights_on(table).items()
        for right in rights.split(", ")
        if members[role]
    ]
    cursor = await conn.execute(
        "SELECT bool_or(NOT has_table_privilege(w.role, w.name, w.allowed)) OR"
        " has_table_privilege(%s, 'audit_events', 'UPDATE, DELETE, TRUNCATE') OR"
        " NOT (SELECT prosecdef FROM pg_proc WHERE oid = 'audit_ensure_partition(timestamptz)'::regprocedure)"
        " FROM unnest(%s::text[], %s::text[], %s::text[]) AS w(role, name, allowed)",
        (names.writer, *map(list, zip(*wanted, strict=True))),
    )
    row = await cursor.fetchone()
    return row is None or bool(row[0])


def _list(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
