"""Budgets of persons, groups, agents, models and everyone: several hold for one call at once."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.core.errors import InputError, NotFoundError
from app.core.usage import Amounts
from app.identity.budgets import Alert
from app.identity.keys import Budget as KeyBudget
from tests.app.identity.budgets.till import Till, put
from tests.app.identity.world import World


async def till(site: World, name: str = "ada", *, model: str = "any", groups: tuple[str, ...] = ()) -> Till:
    if not await site.rows(f"SELECT 1 FROM principals WHERE name = '{name}'"):
        await site.user(name)
    for group in groups:
        if not await site.rows(f"SELECT 1 FROM groups WHERE name = '{group}'"):
            async with site.act("admin.group.create") as passage:
                await site.identity.groups.create(passage, name=group)
        async with site.act("admin.group.add") as passage:
            await site.identity.groups.add(passage, group, name)
    return Till(site, await site.bearer((await site.key(name)).token), model=model)


async def test_several_budgets_hold_for_one_call_and_the_narrowest_stops_it(site: World) -> None:
    ada = await till(site, groups=("lab",))
    await put(site, name="all", subject_kind="everyone", hard=10_000)
    await put(site, name="lab", subject_kind="group", subject="lab", hard=1000, period="week")
    await put(site, name="ada", subject_kind="user", subject="ada", hard=3, unit="requests", period="hour")
    calls = [uuid4() for _ in range(3)]
    for call in calls:
        assert await ada.reserve(call, 300)
    refused = await ada.ask(uuid4(), Amounts(microdollars=300, requests=1))
    assert refused is not None
    assert refused.budgets == ("ada", "lab")
    for call in calls:
        await ada.settle(call, 200)
    assert [await ada.standing(name) for name in ("all", "lab", "ada")] == [(600, 0), (600, 0), (3, 0)]


async def test_a_call_that_one_budget_refuses_is_held_under_none(site: World) -> None:
    ada = await till(site)
    await put(site, name="wide", subject_kind="everyone", hard=10_000)
    await put(site, name="narrow", subject_kind="user", subject="ada", hard=10)
    assert not await ada.reserve(None, 11)
    assert await ada.standing("wide") == (0, 0)
    assert await site.rows("SELECT * FROM budget_holds") == []


async def test_tokens_and_requests_are_counted_as_such(site: World) -> None:
    ada = await till(site)
    await put(site, name="tokens", subject_kind="everyone", unit="tokens", hard=100)
    call = uuid4()
    assert await ada.reserve(call, 0, tokens=90)
    assert not await ada.reserve(None, 0, tokens=11)
    await ada.settle(call, 0, tokens=7)
    assert await ada.standing("tokens") == (7, 0)


async def test_a_budget_apart_is_for_each_of_them(site: World) -> None:
    ada, bob = await till(site, "ada", groups=("lab",)), await till(site, "bob", groups=("lab",))
    eve = await till(site, "eve")
    await put(site, name="each", subject_kind="group", subject="lab", apart=True, hard=100)
    for one in (ada, bob):
        assert await one.reserve(None, 100)
        assert not await one.reserve(None, 1)
    assert await eve.reserve(None, 1000)
    assert sorted(row.holder for row in await ada.budgets.spending("each")) == ["ada", "bob"]


async def test_a_model_is_meant_by_its_name_here_and_by_the_providers(site: World) -> None:
    await put(site, name="costly", subject_kind="everyone", models=("opus-*", "upstream-best"), hard=100)
    assert not await (await till(site, model="opus-4")).reserve(None, 101)
    assert not await (await till(site, model="best")).reserve(None, 101)
    assert await (await till(site, model="haiku")).reserve(None, 101)


async def test_of_one_key_and_of_its_owner_both_hold(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada", budget=KeyBudget(microdollars=500, window="day"))
    ada = Till(site, await site.bearer(made.token))
    await put(site, name="ada", subject_kind="user", subject="ada", hard=800)
    assert await ada.reserve(None, 500)
    assert await (await till(site)).reserve(None, 300)
    assert not await (await till(site)).reserve(None, 1)


@pytest.mark.parametrize(
    ("period", "before", "after"),
    [("hour", 59 * 60, 62), ("day", 86_340, 1500), ("week", 604_700, 10_200), ("month", 2_591_900, 43_300)],
)
async def test_a_rolling_window_frees_what_is_older_than_itself(
    site: World, period: str, before: int, after: int
) -> None:
    ada = await till(site)
    await put(site, name="roll", subject_kind="everyone", hard=100, period=period, rolling=True)
    call = uuid4()
    assert await ada.reserve(call, 100)
    await ada.settle(call, 100)
    site.clock.advance(before)
    refused = await ada.ask(uuid4(), Amounts(microdollars=1))
    assert refused is not None
    assert 0 < refused.retry_after <= after + 60
    site.clock.advance(refused.retry_after)
    await site.identity.refresh()
    assert await ada.reserve(None, 100)


async def test_a_calendar_window_ends_by_its_zone(site: World) -> None:
    ada = await till(site)
    await put(site, name="day", subject_kind="everyone", hard=100, period="day", zone="Asia/Kolkata")
    assert await ada.reserve(None, 100)
    (row,) = await ada.budgets.spending("day")
    assert (row.starts.hour, row.starts.minute) == (18, 30)
    assert row.ends == row.starts + timedelta(days=1)
    refused = await ada.ask(uuid4(), Amounts(microdollars=1))
    assert refused is not None
    assert abs(refused.retry_after - (row.ends - site.clock.now()).total_seconds()) <= 1


async def test_soft_limits_alert_once_in_a_window_and_stop_nobody(site: World) -> None:
    ada, woken, told = await till(site), [], []
    ada.budgets.on_alert(lambda: woken.append(1))
    await put(site, name="soft", subject_kind="everyone", soft=(50, 80), period="day")
    for spent in (40, 20, 10, 30, 30):
        call = uuid4()
        assert await ada.reserve(call, spent)
        await ada.settle(call, spent)

    async def write(alert: Alert) -> None:
        told.append((alert.threshold, alert.amount))

    await ada.budgets.tell(write)
    await ada.budgets.tell(write)
    assert sorted(told) == [(50, 60), (80, 100)]
    assert len(woken) == 2


async def test_concurrent_calls_under_many_budgets_wait_for_nobody_in_a_circle(site: World) -> None:
    ada, bob = await till(site, "ada", groups=("one", "two")), await till(site, "bob", groups=("two", "one"))
    for name in ("c", "a", "b"):
        await put(site, name=name, subject_kind="everyone", hard=1000)
    for name in ("one", "two"):
        await put(site, name=f"of-{name}", subject_kind="group", subject=name, hard=700)

    async def one(site_till: Till) -> int:
        call = uuid4()
        if not await site_till.reserve(call, 50):
            return 0
        await site_till.settle(call, 10)
        return 10

    spent = sum(await asyncio.gather(*(one(who) for who in [ada, bob] * 20)))
    assert await ada.standing("of-one") == await ada.standing("a") == (spent, 0)


async def test_another_node_knows_a_budget_with_the_next_key_that_it_sees(site: World) -> None:
    other = await site.restart()
    await site.user("ada")
    token = (await site.key("ada", budget=KeyBudget(microdollars=5, window="day"))).token
    who = await other.api_keys.verify(token)
    assert not await Till(site, who, identity=other).reserve(None, 6)


async def test_what_was_recorded_and_not_settled_is_settled_by_the_record(site: World) -> None:
    ada, ended, running = await till(site), uuid4(), uuid4()
    await put(site, name="all", subject_kind="everyone", hard=1000)
    for call in (ended, running):
        assert await ada.reserve(call, 100)
    site.clock.advance(120)

    async def outcomes(calls: object) -> dict[UUID, Amounts]:
        return {ended: Amounts(microdollars=7, requests=1)}

    await ada.budgets.reconcile(outcomes)
    assert await ada.standing("all") == (7, 100)


async def test_a_removed_budget_holds_nobody_and_running_calls_end_well(site: World) -> None:
    ada, call = await till(site), uuid4()
    await put(site, name="all", subject_kind="everyone", hard=100)
    assert await ada.reserve(call, 100)
    async with site.act("admin.budget.remove") as passage:
        await site.identity.limits.remove(passage, "all")
    assert await ada.reserve(None, 1000)
    await ada.settle(call, 50)
    with pytest.raises(NotFoundError):
        await site.identity.limits.find("all")


async def test_another_limit_keeps_what_was_spent_and_another_window_does_not(site: World) -> None:
    ada, call = await till(site), uuid4()
    await put(site, name="all", subject_kind="everyone", hard=100, period="day")
    await ada.reserve(call, 60)
    await ada.settle(call, 60)
    await put(site, name="all", subject_kind="everyone", hard=200, period="day")
    assert await ada.standing("all") == (60, 0)
    await put(site, name="all", subject_kind="everyone", hard=200, period="day", unit="requests")
    assert await ada.standing("all") == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"hard": -1},
        {"hard": 10**16},
        {"soft": (0,)},
        {"soft": (1, 1)},
        {"hard": 1, "rolling": True, "period": "total"},
        {"hard": 1, "subject": "ada"},
        {"hard": 1, "zone": "Mars/Olympus"},
        {"hard": 1, "models": ("a b",)},
        {"hard": 1, "name": "key-abc"},
        {"hard": 1, "name": "Not A Name"},
        {"hard": 1, "subject_kind": "user", "subject": "ada", "apart": True},
    ],
)
async def test_a_budget_that_makes_no_sense_is_refused(site: World, wrong: dict[str, object]) -> None:
    await site.user("ada")
    with pytest.raises(InputError):
        await put(site, **{"name": "b", "subject_kind": "everyone", **wrong})


@pytest.mark.parametrize("kind", ["user", "service", "agent", "group", "key"])
async def test_a_budget_of_nobody_is_refused(site: World, kind: str) -> None:
    with pytest.raises(NotFoundError):
        await put(site, name="b", subject_kind=kind, subject="nobody", hard=1)
