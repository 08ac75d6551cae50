"""How identities change: admitted, alone, never without an administrator left; and how caches notice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.clock import Clock
from app.core.errors import ConflictError
from app.core.passage import Passage
from app.identity import store

TRUSTED_FOR = 5.0
"""Seconds without a successful look after which nothing cached is believed."""


class Version:
    """Looked up every second by the server; told at once of changes made in this process."""

    def __init__(self, *, pool: store.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._version = 0
        self.epoch = 0
        """Counts the changes that this process noticed. A fact read under an older epoch is void."""
        self.trusted_until = float("-inf")
        """Monotonic time after which the epoch itself is too old to rely on."""

    def seen(self, version: int) -> None:
        """The database is at this version; any other than before counts, because a restored one may be lower."""
        if version != self._version:
            self._version = version
            self.epoch += 1

    async def refresh(self) -> None:
        """Look at the database; on DatabaseError cached facts soon stop being trusted."""
        asked = self._clock.monotonic()
        async with store.transaction(self._pool) as conn:
            version = await store.version(conn)
        self.seen(version)
        self.trusted_until = asked + TRUSTED_FOR


class Changes:
    """Opens the one transaction that may change identities at a time."""

    def __init__(self, *, pool: store.Pool, clock: Clock, version: Version) -> None:
        self.pool = pool
        self.clock = clock
        self._version = version

    @asynccontextmanager
    async def begin(self, passage: Passage, *actions: str) -> AsyncIterator[store.Connection]:
        """A locked transaction for a passage that was admitted for one of these actions.

        Leaving it fails when it would take away the last administrator: the change is rolled back.
        """
        if passage.call.action not in actions or passage.settled:
            raise ValueError(f"a passage for {passage.call.action} cannot make the change of {actions[0]}")
        async with store.transaction(self.pool) as conn:
            bumped = await store.lock_and_bump(conn)
            before = await store.count_administrators(conn)
            yield conn
            if before and not await store.count_administrators(conn):
                raise ConflictError(
                    "This would leave the site without an administrator.",
                    remedy="Make another user administrator first.",
                )
        self._version.seen(bumped)
