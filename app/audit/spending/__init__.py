"""Money as the record tells it: what ended calls came to, and who spent how much on which model.

Entrance: `Money(pool)`; the caller has been admitted for what he asks.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.audit.reading import first_id
from app.audit.spending import store
from app.audit.spending.store import Ended, Spent

__all__ = ["COUNTED", "Ended", "Money", "Spent"]

COUNTED = 100_000
"""How many calls a sum is over at most: the newest."""


class Money:
    """Questions to the record about money."""

    def __init__(self, pool: store.Pool) -> None:
        self._pool = pool

    async def ended(self, calls: Sequence[UUID]) -> list[Ended]:
        """What those of these calls came to that have ended."""
        async with store.transaction(self._pool, what="The record cannot be read") as conn:
            return await store.ended(conn, list(calls))

    async def unknown(self, calls: Sequence[UUID]) -> set[UUID]:
        """Those of these calls that the record knows nothing of."""
        async with store.transaction(self._pool, what="The record cannot be read") as conn:
            return set(calls) - set(await store.begun(conn, list(calls)))

    async def spent(self, since: datetime) -> list[Spent]:
        """By person and model, the most costly first."""
        async with store.transaction(self._pool, what="The record cannot be read") as conn:
            return await store.spent(conn, since=since, first=first_id(since), limit=COUNTED)
