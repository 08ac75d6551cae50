"""One leader over all nodes: whoever holds an advisory lock, on a connection of its own."""

import hashlib
import logging
from collections.abc import Awaitable, Callable

import psycopg

from app.core.errors import DatabaseError
from app.db import Connection, deadline

log = logging.getLogger(__name__)


class Leader:
    """Stands for one kind of work. The lock lives and dies with the connection, and so does leadership.

    Work that must never be done twice is done on this very connection: when it is lost, so is the transaction.
    """

    def __init__(
        self, *, connect: Callable[[], Awaitable[Connection]], name: str, patience: float = 5.0
    ) -> None:
        self.name = name
        self.leading = False
        self._connect = connect
        self._key = _lock_key(name)
        self._patience = patience
        self._conn: Connection | None = None

    async def connection(self) -> Connection | None:
        """The connection that holds the lock, or None while somebody else leads or the database is away."""
        try:
            if self._conn is None or self._conn.closed:
                self.leading = False
                self._conn = await self._connect()
            with deadline(self._conn, self._patience):
                if self.leading:
                    await self._conn.execute("SELECT 1")
                else:
                    await self._try()
        except (DatabaseError, psycopg.Error, OSError) as error:
            await self.resign()
            log.debug("leader of %s: %s", self.name, error)
        return self._conn if self.leading else None

    async def _try(self) -> None:
        if self._conn is None:
            return
        cursor = await self._conn.execute("SELECT pg_try_advisory_lock(%s)", (self._key,))
        row = await cursor.fetchone()
        self.leading = bool(row and row[0])
        if self.leading:
            log.info("this node leads: %s", self.name)

    async def resign(self) -> None:
        """Close the connection; another node, or this one at its next turn, may lead at once."""
        led, self.leading = self.leading, False
        conn, self._conn = self._conn, None
        if conn is None:
            return
        try:
            if led and not conn.closed:
                # The server would let go of the lock by itself, but only some time after the connection is gone.
                with deadline(conn, self._patience):
                    await conn.rollback()
                    await conn.execute("SELECT pg_advisory_unlock(%s)", (self._key,))
        except (DatabaseError, psycopg.Error, OSError) as error:
            log.debug("leader of %s: %s", self.name, error)
        finally:
            await conn.close()


def _lock_key(name: str) -> int:
    """63 bits of a name, far from the numbers that are used elsewhere."""
    return int.from_bytes(hashlib.sha256(f"sallyport leader {name}".encode()).digest()[:8], "big") >> 1
