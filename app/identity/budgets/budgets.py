"""Reserve then settle, under every budget that holds for a call."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.call import Call
from app.core.clock import Clock
from app.core.errors import DatabaseError, RecordUnavailableError
from app.core.principal import Principal
from app.core.usage import Amounts
from app.core.verdict import Exceeded
from app.identity import store as identity_store
from app.identity.budgets import store
from app.identity.budgets.applying import Applying
from app.identity.budgets.records import Alert, Share, Spending
from app.identity.change import Version

log = logging.getLogger(__name__)

ABANDONED = timedelta(hours=24)
"""No call runs as long: a reservation this old has lost its call."""

_REMEMBERED = timedelta(days=7)
_SETTLING = timedelta(minutes=1)
"""After its outcome a call is settled within this time, or its node could not do it."""

Outcomes = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Amounts]]]
"""What the record says that ended calls came to."""


class Budgets:
    """Implements `app.admission.ports.Budgets`. Where no budget holds for a call the database is not asked."""

    def __init__(self, *, pool: identity_store.Pool, clock: Clock, version: Version) -> None:
        self._pool = pool
        self._clock = clock
        self._version = version
        self._applying = Applying()
        self._epoch = -1
        self._alerted: list[Callable[[], None]] = []

    def on_alert(self, wake: Callable[[], None]) -> None:
        """Call this whenever a limit was reached."""
        self._alerted.append(wake)

    def known(self, principal: Principal, call: Call) -> Sequence[Share] | None:
        """The budgets that hold for a call; None when something changed and `find` must look."""
        if self._epoch != self._version.epoch:
            return None
        return self._applying.shares(principal, call) if self._applying else ()

    async def find(self, principal: Principal, call: Call) -> Sequence[Share]:
        """The same after a look at the database; RecordUnavailableError while it is away."""
        try:
            await self.refresh()
        except DatabaseError as error:
            raise RecordUnavailableError(f"The budgets cannot be read: {error.message}") from error
        return self._applying.shares(principal, call)

    async def refresh(self) -> None:
        """Take up what changed, if anything did."""
        epoch = self._version.epoch
        if epoch == self._epoch:
            return
        async with identity_store.transaction(self._pool) as conn:
            self._applying = Applying(await store.meant(conn))
        self._epoch = epoch

    async def reserve(self, passage_id: UUID, shares: Sequence[Share], amounts: Amounts) -> Exceeded | None:
        """Hold the estimate back under all of these budgets; or none, and which do not cover it."""
        wanted = [share for share in shares if amounts.of(share.unit) > 0]
        if not wanted:
            return None
        now = self._clock.now()
        try:
            async with identity_store.connection(self._pool) as conn:
                refused = await store.reserve(conn, passage_id, wanted, amounts, now=now)
        except DatabaseError as error:
            raise RecordUnavailableError(f"The budget cannot be checked: {error.message}") from error
        return _exceeded(refused, now) if refused else None

    async def settle(self, passage_id: UUID, shares: Sequence[Share], amounts: Amounts) -> None:
        """Replace the reservation by what was spent, in the window it was made in; twice is once."""
        if not shares:
            return
        async with identity_store.connection(self._pool) as conn:
            alerts = await store.settle(conn, passage_id, shares, amounts, now=self._clock.now())
        if alerts:
            self._alert()

    async def settle_lost(self, call_ids: Sequence[UUID]) -> dict[UUID, int]:
        """Calls closed as lost cost what they reserved; the microdollars of those under a budget of money."""
        calls = list(call_ids)
        await self._settle_each(calls, {})
        async with identity_store.transaction(self._pool) as conn:
            return await store.settled(conn, calls)

    async def reconcile(self, outcomes: Outcomes) -> None:
        """Settle calls whose outcome was recorded while the budget could not be settled."""
        async with identity_store.transaction(self._pool) as conn:
            calls = await store.open_before(conn, self._clock.now() - _SETTLING)
        if calls:
            ended = await outcomes(calls)
            await self._settle_each([call for call in calls if call in ended], ended)

    async def spending(self, name: str | None = None) -> list[Spending]:
        """What was spent and is held back in the present windows, of one budget or of all."""
        async with identity_store.transaction(self._pool) as conn:
            return await store.spending(conn, name, now=self._clock.now())

    async def history(self, name: str) -> list[Spending]:
        """The last windows of a budget, newest first."""
        async with identity_store.transaction(self._pool) as conn:
            return await store.history(conn, name)

    async def tell(self, write: Callable[[Alert], Awaitable[None]]) -> None:
        """Hand over each limit that was reached and is not in the record; again after a crash in between."""
        while True:
            async with identity_store.transaction(self._pool) as conn:
                alerts = await store.untold(conn)
                for alert in alerts:
                    await write(alert)
                    await store.told(conn, alert, now=self._clock.now())
            if not alerts:
                return

    async def prune(self) -> None:
        """Settle what lost its call without a trace in the record, forget what was settled long ago."""
        now = self._clock.now()
        async with identity_store.transaction(self._pool) as conn:
            abandoned = await store.open_before(conn, now - ABANDONED)
        await self._settle_each(abandoned, {})
        async with identity_store.transaction(self._pool) as conn:
            await store.prune(conn, now - _REMEMBERED)

    async def _settle_each(self, calls: Sequence[UUID], ended: Mapping[UUID, Amounts]) -> None:
        """One statement each: the locks of many calls have no common order."""
        alerts = 0
        for call in calls:
            async with identity_store.connection(self._pool) as conn:
                alerts += await store.settle(conn, call, (), ended.get(call), now=self._clock.now())
        if alerts:
            self._alert()

    def _alert(self) -> None:
        for wake in self._alerted:
            wake()


def _exceeded(refused: Sequence[store.Refused], now: datetime) -> Exceeded:
    """Nothing is gained by trying again before the last of them counts anew."""
    ends = [one.ends for one in refused]
    known = [end for end in ends if end is not None]
    seconds = 0
    if known and len(known) == len(ends):
        seconds = max(1, int((max(known) - now).total_seconds()) + 1)
    return Exceeded(budgets=tuple(sorted(one.name for one in refused)), retry_after=seconds)
