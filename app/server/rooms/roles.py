"""Which of the database's roles does what: the owner migrates and grants, the sealer seals, the writer does the rest."""

from collections.abc import Awaitable
from typing import TypeVar

from psycopg import Error, errors
from psycopg.conninfo import conninfo_to_dict

from app.config.schema import Database
from app.core.errors import ConfigError, DatabaseError
from app.core.paths import resources
from app.db import Connection, connect
from app.db.migrate import Migration, migrate, read_migrations
from app.db.roles import Names, founding, grant

T = TypeVar("T")
_SEALING = frozenset({"seal", "checkpoint", "rotate", "new-key"})
"""What connections of the sealer are for."""
_STANDARD = Names(
    owner="sallyport_owner",
    writer="sallyport_writer",
    sealer="sallyport_sealer",
    auditor="sallyport_auditor",
)


def url_for(settings: Database, url: str, *, purpose: str) -> str:
    """The connection string for this purpose; `url` is that of everything without a role of its own."""
    own = settings.sealer_url if purpose in _SEALING else None
    secret = settings.owner_url if purpose == "migrate" else own
    return secret.reveal() if secret is not None else url


async def bring_up_to_date(settings: Database, url: str) -> list[Migration]:
    """Migrate as the owner, and let the other roles reach what they need; returns what was applied."""
    own = url_for(settings, url, purpose="migrate")
    async with await connect(own, purpose="migrate", timeout=settings.connect_timeout) as conn:
        applied = await migrate(conn, read_migrations(resources() / "migrations"))
        names = _named(settings)
        if names is not None:
            await _told(grant(conn, names), names)
        return applied


def _named(settings: Database) -> Names | None:
    """The roles of a profile that keeps its owner apart."""
    if settings.url is None or settings.owner_url is None:
        return None
    owner, writer = _user(settings.owner_url.reveal()), _user(settings.url.reveal())
    sealer = _user(settings.sealer_url.reveal()) if settings.sealer_url is not None else writer
    if owner in ("", writer, sealer) or not writer:
        raise ConfigError(
            "database.owner_url: the owner of the schema must be another role than those that write.",
            remedy="Name each role in its connection string; see `sallyport database roles --print`.",
        )
    return Names(owner=owner, writer=writer, sealer=sealer, auditor=settings.auditor)


def script(settings: Database, *, database: str) -> str:
    """SQL for a DBA, to be run by psql in the site's database by a role that may make roles."""
    return "".join(
        f"{statement.as_string(None)};\n" for statement in founding(_wanted(settings), database=database)
    )


def _wanted(settings: Database) -> Names:
    """The profile's roles where it names them, else the usual names."""
    found = _named(settings)
    return found or _STANDARD


def database_name(settings: Database) -> str:
    """The database of the profile."""
    given = conninfo_to_dict(settings.url.reveal()) if settings.url is not None else {}
    return str(given.get("dbname") or given.get("user") or "sallyport")


async def apply(settings: Database) -> Names:
    """Make the roles and hand them the schema, over the profile's own connection."""
    if settings.url is None:
        raise ConfigError(
            "The embedded database has no roles to keep apart: only this program can reach it.",
            remedy="Set database.url to use your own PostgreSQL.",
        )
    url = url_for(settings, settings.url.reveal(), purpose="migrate")
    names = _wanted(settings)
    async with await connect(url, purpose="roles", timeout=settings.connect_timeout) as conn:
        database = conn.info.dbname
        await migrate(conn, read_migrations(resources() / "migrations"))
        await _told(_found(conn, names, database), names)
        await _told(grant(conn, names), names)
    return names


async def _found(conn: Connection, names: Names, database: str) -> None:
    async with conn.transaction():
        for statement in founding(names, database=database):
            await conn.execute(statement)


async def _told(work: Awaitable[T], names: Names) -> T:
    try:
        return await work
    except (errors.InsufficientPrivilege, errors.UndefinedObject) as error:
        raise DatabaseError(
            f"The roles cannot be given their rights: {str(error).splitlines()[0]}.",
            remedy="Let a DBA run what `sallyport database roles --print` prints, in this database.",
        ) from None


async def standing(conn: Connection) -> tuple[str, bool, bool]:
    """The role of a connection, whether it is a superuser, and whether it owns the record."""
    cursor = await conn.execute(
        "SELECT current_user, rolsuper, EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('audit_events')"
        " AND pg_has_role(c.relowner, 'USAGE')) FROM pg_roles WHERE rolname = current_user"
    )
    row = await cursor.fetchone()
    return (str(row[0]), bool(row[1]), bool(row[2])) if row else ("", False, False)


def _user(url: str) -> str:
    try:
        return str(conninfo_to_dict(url).get("user") or "")
    except Error:
        return ""


__all__ = ["apply", "bring_up_to_date", "database_name", "script", "standing", "url_for"]
