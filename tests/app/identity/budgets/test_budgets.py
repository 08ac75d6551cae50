"""Budgets: held back before, settled after, never overspent."""

import asyncio
from uuid import UUID, uuid4

import pytest

from app.core.call import BearerToken
from app.core.errors import DeniedError, InputError
from app.core.principal import Principal
from app.identity.budgets import Spending
from app.identity.keys import Budget
from tests.app.identity.world import World

DAY = Budget(microdollars=1000, window="day")


async def payer(site: World, budget: Budget | None = DAY) -> Principal:
    await site.user("ada", "administrator")
    made = await site.key("ada", budget=budget)
    return await site.bearer(made.token)


async def window(site: World, who: Principal) -> Spending:
    return (await site.identity.budgets.spending(who.credential_id))[0]


async def test_estimate_is_held_back_and_replaced_by_what_was_spent(site: World) -> None:
    who, budgets, call = await payer(site), site.identity.budgets, uuid4()
    assert await budgets.reserve(call, who, 700)
    assert ((await window(site, who)).spent, (await window(site, who)).reserved) == (0, 700)
    assert not await budgets.reserve(uuid4(), who, 301)
    await budgets.settle(call, who, 50)
    assert ((await window(site, who)).spent, (await window(site, who)).reserved) == (50, 0)
    assert await budgets.reserve(uuid4(), who, 950)


async def test_budget_is_spendable_to_the_last_microdollar_and_not_beyond(site: World) -> None:
    who, budgets = await payer(site), site.identity.budgets
    assert not await budgets.reserve(uuid4(), who, 1001)
    assert await budgets.reserve(uuid4(), who, 1000)
    assert not await budgets.reserve(uuid4(), who, 1)
    assert await budgets.reserve(uuid4(), who, 0)


async def test_concurrent_calls_never_reserve_more_than_the_budget(site: World) -> None:
    who, budgets = await payer(site), site.identity.budgets
    held = await asyncio.gather(*(budgets.reserve(uuid4(), who, 30) for _ in range(60)))
    assert sum(held) == 33
    assert (await window(site, who)).reserved == 990


async def test_settling_twice_counts_once(site: World) -> None:
    who, budgets, call = await payer(site), site.identity.budgets, uuid4()
    await budgets.reserve(call, who, 100)
    await asyncio.gather(*(budgets.settle(call, who, 80) for _ in range(10)))
    await budgets.settle(call, who, 99)
    assert (await window(site, who)).spent == 80
    assert (await window(site, who)).reserved == 0


async def test_spending_without_a_reservation_counts_once_as_well(site: World) -> None:
    who, budgets, call = await payer(site), site.identity.budgets, uuid4()
    assert await budgets.reserve(call, who, 0)
    await budgets.settle(call, who, 40)
    await budgets.settle(call, who, 40)
    assert (await window(site, who)).spent == 40


async def test_costlier_than_estimated_is_counted_and_stops_the_next_call(site: World) -> None:
    who, budgets, call = await payer(site), site.identity.budgets, uuid4()
    await budgets.reserve(call, who, 900)
    await budgets.settle(call, who, 1500)
    assert (await window(site, who)).spent == 1500
    assert not await budgets.reserve(uuid4(), who, 1)


async def test_lost_calls_cost_what_they_reserved(site: World) -> None:
    who, budgets, calls = await payer(site), site.identity.budgets, [uuid4() for _ in range(3)]
    for call in calls:
        assert await budgets.reserve(call, who, 100)
    await budgets.settle(calls[0], who, 10)
    assert await budgets.settle_lost([*calls, uuid4()]) == 2
    assert await budgets.settle_lost(calls) == 0
    assert ((await window(site, who)).spent, (await window(site, who)).reserved) == (210, 0)


async def test_reservation_of_a_call_that_left_no_trace_is_settled_after_a_day(site: World) -> None:
    who, budgets = await payer(site, Budget(microdollars=1000, window="total")), site.identity.budgets
    await budgets.reserve(uuid4(), who, 600)
    await budgets.prune()
    assert (await window(site, who)).reserved == 600
    site.clock.advance(25 * 3600)
    await budgets.prune()
    assert ((await window(site, who)).spent, (await window(site, who)).reserved) == (600, 0)


@pytest.mark.parametrize(
    ("kind", "days", "fits"), [("day", 1, True), ("month", 32, True), ("total", 400, False)]
)
async def test_window_begins_anew(site: World, kind: str, days: int, fits: bool) -> None:
    who = await payer(site, Budget(microdollars=1000, window=kind))  # pyright: ignore[reportArgumentType]
    assert await site.identity.budgets.reserve(uuid4(), who, 1000)
    assert not await site.identity.budgets.reserve(uuid4(), who, 1)
    site.clock.advance(days * 86_400)
    assert await site.identity.budgets.reserve(uuid4(), who, 1000) is fits


async def test_call_is_charged_to_the_window_it_began_in(site: World) -> None:
    who, budgets, call = await payer(site), site.identity.budgets, uuid4()
    await budgets.reserve(call, who, 900)
    site.clock.advance(86_400)
    await budgets.settle(call, who, 900)
    assert await budgets.reserve(uuid4(), who, 1000)
    today, yesterday = await budgets.spending(who.credential_id)
    assert (today.spent, yesterday.spent, yesterday.reserved) == (0, 900, 0)


async def test_principal_without_a_budget_touches_nothing(site: World) -> None:
    who = await payer(site, None)
    assert not who.budgeted
    assert await site.identity.budgets.reserve(uuid4(), who, 10**12)
    await site.identity.budgets.settle(uuid4(), who, 10**12)
    assert await site.rows("SELECT * FROM budget_windows") == []


async def test_changed_budget_counts_at_once_and_keeps_what_was_spent(site: World) -> None:
    who, budgets = await payer(site), site.identity.budgets
    await budgets.reserve(uuid4(), who, 900)
    async with site.act("admin.key.budget") as passage:
        await site.identity.keys.set_budget(
            passage, who.credential_id, Budget(microdollars=1500, window="day")
        )
    assert await budgets.reserve(uuid4(), who, 600)
    async with site.act("admin.key.budget") as passage:
        key = await site.identity.keys.set_budget(passage, who.credential_id, None)
    assert key.budget_microdollars is None


@pytest.mark.parametrize("amount", [-1, 10**15 + 1, 2**63])
async def test_budget_beyond_reason_is_refused(site: World, amount: int) -> None:
    await site.user("ada")
    with pytest.raises(InputError):
        await site.key("ada", budget=Budget(microdollars=amount, window="day"))


async def test_call_over_budget_is_denied_and_recorded_by_the_corridor(site: World) -> None:
    await site.user("ada", "administrator")
    token = (await site.key("ada", budget=Budget(microdollars=0, window="total"))).token
    who = await site.bearer(token)
    async with site.act("admin.user.list", credential=BearerToken(token)) as passage:
        passage.note(microdollars=5)
    assert (await window(site, who)).spent == 5
    with pytest.raises(DeniedError) as denied:
        await site.spend(token, 1)
    assert denied.value.decision.reason == "budget_exceeded"
    assert await site.rows("SELECT reason FROM audit_events WHERE kind = 'denial'") == [("budget_exceeded",)]


async def test_admitted_call_settles_by_its_own_id(site: World) -> None:
    await site.user("ada", "administrator")
    token = (await site.key("ada", budget=DAY)).token
    await site.spend(token, 400, cost=123)
    assert await site.rows("SELECT microdollars, settled FROM budget_reservations") == [(400, 123)]
    ((call, passage),) = await site.rows(
        "SELECT o.call::text, r.passage::text FROM audit_events o, budget_reservations r"
        " WHERE o.kind = 'outcome' AND o.microdollars = 123"
    )
    assert UUID(str(call)) == UUID(str(passage))
