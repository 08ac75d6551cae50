"""Circuits, limits and turns."""

import asyncio

from app.gateway.routing import Rules, Standing, Turns

RULES = Rules(failures=3, window=10.0, pause=5.0)


def fail(standing: Standing, *times: float) -> None:
    for now in times:
        assert standing.enter(now)
        standing.ill(now, "status 500")


def test_failures_in_a_window_open_the_circuit_and_one_call_tries_it_again():
    told: list[tuple[str, str]] = []
    standing = Standing(
        provider="p", model="m", rules=RULES, changed=lambda now, before: told.append((before, now.state))
    )
    fail(standing, 1, 2, 3)
    assert (standing.state, standing.enter(4), standing.away_for(4)) == (
        "open",
        False,
        (4, "its circuit is open"),
    )
    assert standing.enter(8)
    assert not standing.enter(8)
    standing.ill(9, "again")
    assert (standing.state, standing.enter(13.9), standing.enter(14)) == ("open", False, True)
    standing.well(14.5)
    assert told == [
        ("closed", "open"), ("open", "half-open"), ("half-open", "open"), ("open", "half-open"), ("half-open", "closed"),
    ]  # fmt: skip
    assert (standing.running, standing.calls, standing.failures, standing.last) == (0, 5, 4, "again")


def test_failures_far_apart_or_among_many_good_calls_do_not_open_it():
    standing = Standing(provider="p", model="m", rules=RULES)
    fail(standing, 0, 6, 12, 18)
    assert standing.state == "closed"
    for now in (30, 30, 30, 30):
        standing.enter(now)
        standing.well(now)
    fail(standing, 31, 32, 33)
    assert standing.state == "closed"
    fail(standing, 34)
    assert standing.state == "open"


def test_a_trial_that_says_nothing_lets_the_next_call_try():
    standing = Standing(provider="p", model="m", rules=RULES)
    fail(standing, 1, 2, 3)
    assert standing.enter(8)
    standing.left(8.1)
    assert standing.enter(8.2)


def test_a_trial_of_which_nobody_hears_again_is_not_waited_for_for_ever():
    standing = Standing(provider="p", model="m", rules=RULES)
    fail(standing, 1, 2, 3)
    assert standing.enter(8)
    assert not standing.enter(12)
    assert standing.enter(13)


def test_a_limit_that_a_provider_named_ends_by_itself():
    standing = Standing(provider="p", model="m", rules=RULES)
    standing.limit(20)
    standing.limit(10)
    assert standing.away_for(15) == (5, "its provider said that nothing is left for now")
    assert standing.away_for(20) == (0, "")


async def test_turns_are_given_in_order_and_never_more_than_there_are():
    turns, order = Turns(1), []

    async def one(number: int) -> None:
        assert await turns.take(60)
        order.append(number)
        assert turns.taken == 1
        await asyncio.sleep(0)
        turns.give()

    await asyncio.gather(*(one(number) for number in range(5)))
    assert (order, turns.taken, turns.waiting) == ([0, 1, 2, 3, 4], 0, 0)


async def test_whoever_finds_no_turn_in_time_goes_without_and_leaves_no_trace():
    turns = Turns(1)
    assert await turns.take(0)
    assert not await turns.take(0)
    assert not await turns.take(0.001)
    waiting = asyncio.ensure_future(turns.take(60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    turns.give()
    assert (turns.taken, turns.waiting, await turns.take(0)) == (0, 0, True)


async def test_a_turn_that_comes_while_its_caller_goes_is_not_lost():
    turns = Turns(1)
    assert await turns.take(0)
    waiting = asyncio.ensure_future(turns.take(60))
    await asyncio.sleep(0)
    turns.give()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert await turns.take(0)


async def test_without_a_cap_there_are_turns_for_all():
    turns = Turns(0)
    assert [await turns.take(0) for _ in range(100)] == [True] * 100
