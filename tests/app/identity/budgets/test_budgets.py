"""A key's own budget: held back before, settled after, never overspent."""

import asyncio
from uuid import UUID, uuid4

import pytest

from app.core.call import BearerToken
from app.core.errors import DeniedError, InputError
from app.identity.keys import Budget
from tests.app.identity.budgets.till import Till
from tests.app.identity.world import World

DAY = Budget(microdollars=1000, window="day")


async def payer(site: World, budget: Budget | None = DAY) -> Till:
    await site.user("ada", "administrator")
    made = await site.key("ada", budget=budget)
    return Till(site, await site.bearer(made.token))


async def standing(till: Till) -> tuple[int, int]:
    return await till.standing(f"key-{till.who.credential_id}")


async def test_estimate_is_held_back_and_replaced_by_what_was_spent(site: World) -> None:
    till, call = await payer(site), uuid4()
    assert await till.reserve(call, 700)
    assert await standing(till) == (0, 700)
    assert not await till.reserve(None, 301)
    await till.settle(call, 50)
    assert await standing(till) == (50, 0)
    assert await till.reserve(None, 950)


async def test_budget_is_spendable_to_the_last_microdollar_and_not_beyond(site: World) -> None:
    till = await payer(site)
    assert not await till.reserve(None, 1001)
    assert await till.reserve(None, 1000)
    assert not await till.reserve(None, 1)
    assert await till.reserve(None, 0)


async def test_concurrent_calls_never_reserve_more_than_the_budget(site: World) -> None:
    till = await payer(site)
    held = await asyncio.gather(*(till.reserve(None, 30) for _ in range(60)))
    assert sum(held) == 33
    assert await standing(till) == (0, 990)


async def test_settling_twice_counts_once(site: World) -> None:
    till, call = await payer(site), uuid4()
    await till.reserve(call, 100)
    await asyncio.gather(*(till.settle(call, 80) for _ in range(10)))
    await till.settle(call, 99)
    assert await standing(till) == (80, 0)


async def test_spending_without_a_reservation_counts_once_as_well(site: World) -> None:
    till, call = await payer(site), uuid4()
    assert await till.reserve(call, 0)
    await till.settle(call, 40)
    await till.settle(call, 40)
    assert await standing(till) == (40, 0)


async def test_costlier_than_estimated_is_counted_and_stops_the_next_call(site: World) -> None:
    till, call = await payer(site), uuid4()
    await till.reserve(call, 900)
    await till.settle(call, 1500)
    assert await standing(till) == (1500, 0)
    assert not await till.reserve(None, 1)


async def test_lost_calls_cost_what_they_reserved(site: World) -> None:
    till, calls, other = await payer(site), [uuid4() for _ in range(3)], uuid4()
    for call in calls:
        assert await till.reserve(call, 100)
    await till.settle(calls[0], 10)
    expected = {calls[0]: 10, calls[1]: 100, calls[2]: 100}
    assert await till.budgets.settle_lost([*calls, other]) == expected
    assert await till.budgets.settle_lost(calls) == expected
    assert await standing(till) == (210, 0)


async def test_reservation_of_a_call_that_left_no_trace_is_settled_after_a_day(site: World) -> None:
    till = await payer(site, Budget(microdollars=1000, window="total"))
    await till.reserve(None, 600)
    await till.budgets.prune()
    assert await standing(till) == (0, 600)
    site.clock.advance(25 * 3600)
    await till.budgets.prune()
    assert await standing(till) == (600, 0)


@pytest.mark.parametrize(
    ("kind", "days", "fits"), [("day", 1, True), ("month", 32, True), ("total", 400, False)]
)
async def test_window_begins_anew(site: World, kind: str, days: int, fits: bool) -> None:
    till = await payer(site, Budget(microdollars=1000, window=kind))  # pyright: ignore[reportArgumentType]
    assert await till.reserve(None, 1000)
    assert not await till.reserve(None, 1)
    site.clock.advance(days * 86_400)
    assert await till.reserve(None, 1000) is fits


async def test_call_is_charged_to_the_window_it_began_in(site: World) -> None:
    till, call = await payer(site), uuid4()
    await till.reserve(call, 900)
    site.clock.advance(86_400)
    await till.settle(call, 900)
    assert await till.reserve(None, 1000)
    today, yesterday = await till.windows(f"key-{till.who.credential_id}")
    assert (today.spent, yesterday.spent, yesterday.reserved) == (0, 900, 0)


async def test_principal_without_a_budget_touches_nothing(site: World) -> None:
    till, call = await payer(site, None), uuid4()
    assert await till.reserve(call, 10**12)
    await till.settle(call, 10**12)
    assert await site.rows("SELECT * FROM budget_holders") == []
    assert await site.rows("SELECT * FROM budget_holds") == []


async def test_changed_budget_counts_at_once_and_keeps_what_was_spent(site: World) -> None:
    till = await payer(site)
    await till.reserve(None, 900)
    async with site.act("admin.key.budget") as passage:
        await site.identity.keys.set_budget(
            passage, till.who.credential_id, Budget(microdollars=1500, window="day")
        )
    assert not await till.reserve(None, 601)
    assert await till.reserve(None, 600)
    async with site.act("admin.key.budget") as passage:
        key = await site.identity.keys.set_budget(passage, till.who.credential_id, None)
    assert key.budget_microdollars is None
    assert await till.reserve(None, 10**9)


@pytest.mark.parametrize("amount", [-1, 10**15 + 1, 2**63])
async def test_budget_beyond_reason_is_refused(site: World, amount: int) -> None:
    await site.user("ada")
    with pytest.raises(InputError):
        await site.key("ada", budget=Budget(microdollars=amount, window="day"))


async def test_call_over_budget_is_denied_and_recorded_by_the_corridor(site: World) -> None:
    await site.user("ada", "administrator")
    token = (await site.key("ada", budget=Budget(microdollars=0, window="total"))).token
    till = Till(site, await site.bearer(token))
    async with site.act("admin.user.list", credential=BearerToken(token)) as passage:
        passage.note(microdollars=5)
    assert await standing(till) == (5, 0)
    with pytest.raises(DeniedError) as denied:
        await site.spend(token, 1)
    assert (denied.value.decision.reason, denied.value.decision.retry_after) == ("budget_exceeded", 0)
    assert await site.rows("SELECT reason FROM audit_events WHERE kind = 'denial'") == [("budget_exceeded",)]


async def test_admitted_call_settles_by_its_own_id(site: World) -> None:
    await site.user("ada", "administrator")
    token = (await site.key("ada", budget=DAY)).token
    await site.spend(token, 400, cost=123)
    assert await site.rows("SELECT amount, settled FROM budget_holds") == [(400, 123)]
    ((call, passage),) = await site.rows(
        "SELECT o.call::text, h.passage::text FROM audit_events o, budget_holds h"
        " WHERE o.kind = 'outcome' AND o.microdollars = 123"
    )
    assert UUID(str(call)) == UUID(str(passage))
