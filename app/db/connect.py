"""Connections that were checked before anybody uses them."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from app.core.errors import DatabaseError

Connection = AsyncConnection[Any]

MINIMUM_VERSION = 140000


class Pool(AsyncConnectionPool[Connection]):
    """A pool whose connections are lent for `patience` seconds at most."""

    patience = 15.0

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[Connection]:
        """A connection for the block."""
        async with super().connection(timeout) as conn:
            with deadline(conn, self.patience):
                yield conn


AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)
"""What psycopg raises while the database cannot be used."""


@contextmanager
def trouble_told(what: str) -> Iterator[None]:
    """Inside the block a database that is away is a DatabaseError; `what` says which work it stops."""
    try:
        yield
    except AWAY as error:
        raise DatabaseError(
            f"{what}: {' '.join(str(error).split()) or type(error).__name__}.",
            remedy="Try again when the database is back.",
        ) from error


@asynccontextmanager
async def transaction(pool: Pool, *, what: str) -> AsyncIterator[Connection]:
    """One transaction; DatabaseError, beginning with `what`, when the database is away."""
    with trouble_told(what):
        async with pool.connection() as conn, conn.transaction():
            yield conn


@contextmanager
def deadline(conn: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection's socket if the block takes longer, so that its statement fails with OperationalError.

    Cancelling is no way out of a server that is frozen: psycopg would first ask it to cancel, and wait.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _cut, conn)
    try:
        yield
    finally:
        timer.cancel()


def _cut(conn: Connection) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


def conninfo(url: str, *, purpose: str, timeout: float) -> str:
    """The connection string with our safety settings: a dead peer is noticed, durability is not negotiable."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise DatabaseError(
            f"database.url is not a PostgreSQL connection string ({error}).",
            remedy="Write postgresql://USER@HOST/NAME.",
        ) from None
    settings = {
        "application_name": f"sallyport {purpose}",
        "connect_timeout": str(max(2, int(timeout))),
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "15000",
        "options": "-c synchronous_commit=on -c timezone=UTC -c client_encoding=UTF8 -c datestyle=ISO",
    }
    return make_conninfo(**{**settings, **given})


async def connect(url: str, *, purpose: str, timeout: float = 5.0) -> Connection:
    """One autocommit connection; DatabaseError says what is wrong and what to do."""
    try:
        conn = await AsyncConnection.connect(conninfo(url, purpose=purpose, timeout=timeout), autocommit=True)
    except psycopg.OperationalError as error:
        raise _unreachable(error) from None
    try:
        with deadline(conn, timeout):
            await verify(conn)
    except psycopg.OperationalError as error:
        await conn.close()
        raise _unreachable(error) from None
    except BaseException:
        await conn.close()
        raise
    return conn


def _unreachable(error: psycopg.Error) -> DatabaseError:
    detail = " ".join(str(error).split()) or type(error).__name__
    return DatabaseError(
        f"The database cannot be reached: {detail}.",
        remedy="Check database.url and that PostgreSQL accepts connections from this host.",
    )


async def verify(conn: Connection) -> None:
    """Refuse a server that is too old, a standby, or one that may lose commits."""
    version = conn.info.server_version
    if version < MINIMUM_VERSION:
        raise DatabaseError(
            f"PostgreSQL {version // 10000} is too old.", remedy="Version 14 or newer is needed."
        )
    cursor = await conn.execute(
        "SELECT pg_is_in_recovery(), current_setting('transaction_read_only'),"
        " current_setting('fsync'), current_setting('full_page_writes')"
    )
    row = await cursor.fetchone()
    if row is None or row[0]:
        raise DatabaseError("The database is a standby.", remedy="Point database.url at the primary.")
    if row[1] == "on":
        raise DatabaseError(
            "The database is read-only.", remedy="Turn default_transaction_read_only off for this role."
        )
    if row[2:] != ("on", "on"):
        raise DatabaseError(
            "The database runs with fsync or full_page_writes off and can lose the record.",
            remedy="Turn both on in postgresql.conf.",
        )


@asynccontextmanager
async def open_pool(url: str, *, size: int, timeout: float) -> AsyncIterator[Pool]:
    """A pool of checked autocommit connections; it opens at once and reconnects by itself."""

    async def configure(conn: Connection) -> None:
        with deadline(conn, timeout):
            await verify(conn)

    async def check(conn: Connection) -> None:
        # A connection that died with the server is replaced here and not in somebody's call.
        with deadline(conn, timeout):
            await AsyncConnectionPool.check_connection(conn)

    pool = Pool(
        conninfo(url, purpose="pool", timeout=timeout),
        min_size=1,
        max_size=max(1, size),
        open=False,
        timeout=timeout,
        configure=configure,
        check=check,
        kwargs={"autocommit": True},
        reconnect_timeout=1.0,
    )
    pool.patience = 2 * timeout
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close(timeout=2.0)
