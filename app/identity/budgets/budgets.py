"""Reserve then settle, per API key and window."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.clock import Clock
from app.core.errors import DatabaseError, RecordUnavailableError
from app.core.principal import Principal
from app.identity import store as identity_store
from app.identity.budgets import store
from app.identity.budgets.store import Spending, Starts

ABANDONED = timedelta(hours=24)
"""No call runs as long: a reservation this old has lost its call."""

_REMEMBERED = timedelta(days=7)


class Budgets:
    """Implements `app.admission.ports.Budgets` for keys; windows are UTC days, UTC months or for ever."""

    def __init__(self, *, pool: identity_store.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def reserve(self, passage_id: UUID, principal: Principal, microdollars: int) -> bool:
        """Whether the estimate still fits; True holds it back. A call that costs nothing always fits."""
        if not principal.budgeted or microdollars <= 0:
            return True
        now = self._clock.now()
        try:
            async with identity_store.transaction(self._pool) as conn:
                return await store.reserve(
                    conn,
                    passage_id,
                    key=principal.credential_id,
                    microdollars=microdollars,
                    starts=_starts(now),
                    now=now,
                )
        except DatabaseError as error:
            raise RecordUnavailableError(f"The budget cannot be checked: {error.message}") from error

    async def settle(self, passage_id: UUID, principal: Principal, microdollars: int) -> None:
        """Replace the reservation by what was spent, in the window it was made in; twice is once."""
        if not principal.budgeted:
            return
        amount, now = max(0, microdollars), self._clock.now()
        async with identity_store.transaction(self._pool) as conn:
            if not await store.settle(conn, passage_id, microdollars=amount) and amount:
                await store.charge(
                    conn,
                    passage_id,
                    key=principal.credential_id,
                    microdollars=amount,
                    starts=_starts(now),
                    now=now,
                )

    async def settle_lost(self, call_ids: Sequence[UUID]) -> int:
        """Calls closed as lost cost what they reserved; returns how many had a reservation."""
        async with identity_store.transaction(self._pool) as conn:
            return await store.settle_lost(conn, list(call_ids))

    async def spending(self, key: str) -> list[Spending]:
        """What a key spent and holds back, newest window first."""
        async with identity_store.transaction(self._pool) as conn:
            return await store.spending(conn, key)

    async def prune(self) -> None:
        """Settle what lost its call without a trace in the record, forget what was settled long ago."""
        now = self._clock.now()
        async with identity_store.transaction(self._pool) as conn:
            await store.settle_lost(conn, await store.open_before(conn, now - ABANDONED))
            await store.prune(conn, now - _REMEMBERED)


def _starts(now: datetime) -> Starts:
    today = now.date()
    return Starts(day=today, month=today.replace(day=1))
