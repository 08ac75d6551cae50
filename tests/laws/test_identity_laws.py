"""Whatever happens in whatever order: budgets hold, somebody administers, tokens are what they look like."""

import asyncio
import string
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.core.errors import InputError, SallyportError
from app.identity.keys import Budget
from app.identity.names import checked_name, checked_scopes
from app.identity.signin.tokens import api_key_prefix, is_plain_token, mint_api_key, mint_session_token
from tests.app.identity.budgets.till import Till
from tests.app.identity.world import World, world

LIMIT = 100
SLOWLY = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "lost"]),
        st.integers(min_value=0, max_value=7),
        st.integers(min_value=0, max_value=LIMIT),
    ),
    min_size=4,
    max_size=24,
)


@pytest.mark.slow
@given(steps=steps)
@SLOWLY
def test_races_never_overspend_and_books_always_balance(
    postgres: str, template: str, steps: list[tuple[str, int, int]]
) -> None:
    with clone(postgres, template) as url:
        asyncio.run(_spend(url, steps))


async def _spend(url: str, steps: list[tuple[str, int, int]]) -> None:
    calls = [uuid4() for _ in range(8)]
    held: dict[UUID, int] = {}
    async with world(url) as site:
        await site.user("ada")
        key = await site.key("ada", budget=Budget(microdollars=LIMIT, window="total"))
        till = Till(site, await site.bearer(key.token))
        budgets = site.identity.budgets

        async def step(kind: str, number: int, amount: int) -> None:
            call = calls[number]
            match kind:
                case "reserve" if call not in held:
                    held[call] = amount
                    if not await till.reserve(call, amount):
                        held[call] = 0
                case "settle":
                    # A call costs at most what it reserved: that is what an upper estimate means.
                    await till.settle(call, min(amount, held.get(call, 0)) if call in done else 0)
                case _:
                    await budgets.settle_lost([call])

        done: set[UUID] = set()
        for start in range(0, len(steps), 4):
            await asyncio.gather(*(step(*one) for one in steps[start : start + 4]))
            done |= {call for call, amount in held.items() if amount}
            for window in await budgets.spending():
                assert 0 <= window.spent + window.reserved <= LIMIT
                assert window.reserved == (await _sum(site, "settled IS NULL", "amount"))
                assert window.spent == (await _sum(site, "settled IS NOT NULL", "settled"))


async def _sum(site: World, which: str, column: str) -> object:
    rows = await site.rows(f"SELECT coalesce(sum({column}), 0)::bigint FROM budget_holds WHERE {which}")
    return rows[0][0]


people = st.lists(
    st.tuples(st.sampled_from(["disable", "enable", "delete", "grant", "revoke"]), st.sampled_from("abc")),
    min_size=3,
    max_size=12,
)


@pytest.mark.slow
@given(changes=people)
@SLOWLY
def test_no_order_of_changes_leaves_a_site_without_administrator(
    postgres: str, template: str, changes: list[tuple[str, str]]
) -> None:
    with clone(postgres, template) as url:
        asyncio.run(_administer(url, changes))


async def _administer(url: str, changes: list[tuple[str, str]]) -> None:
    async with world(url) as site:
        users = site.identity.users
        for name in "abc":
            await site.user(name, "administrator")

        async def change(verb: str, name: str) -> None:
            try:
                async with site.act(f"admin.user.{verb}") as passage:
                    if verb in ("grant", "revoke"):
                        await getattr(users, verb)(passage, name, "administrator")
                    else:
                        await getattr(users, verb)(passage, name)
            except SallyportError:
                return

        for start in range(0, len(changes), 3):
            await asyncio.gather(*(change(*one) for one in changes[start : start + 3]))
            left = [
                user
                for user in await users.list_all()
                if user.state == "active" and "administrator" in user.roles
            ]
            assert left


@contextmanager
def clone(postgres: str, template: str) -> Iterator[str]:
    """A database for one example."""
    name = sql.Identifier(f"law_{uuid4().hex}")
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
        try:
            yield make_conninfo(postgres, dbname=name.as_string().strip('"'))
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@given(text=st.text(max_size=80))
def test_no_text_is_both_a_name_and_something_a_pattern_or_log_could_misread(text: str) -> None:
    try:
        name = checked_name(text, what="user")
    except InputError:
        return
    assert name == text
    assert 1 <= len(name) <= 64
    assert set(name) <= set(string.ascii_lowercase + string.digits + "._@+-")


@given(scopes=st.lists(st.text(alphabet=string.ascii_lowercase + ".*", max_size=12), max_size=5))
def test_checked_scopes_are_a_fixed_point(scopes: list[str]) -> None:
    try:
        checked = checked_scopes(tuple(scopes))
    except InputError:
        return
    assert checked_scopes(checked) == checked
    assert set(checked or ()) == set(scopes)


@given(st.data())
def test_changing_one_character_of_a_key_never_keeps_its_shape_and_meaning(data: st.DataObject) -> None:
    secret = mint_api_key()
    assert api_key_prefix(secret.token) == secret.prefix
    at = data.draw(st.integers(min_value=0, max_value=len(secret.token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != secret.token[at]))
    changed = secret.token[:at] + other + secret.token[at + 1 :]
    assert api_key_prefix(changed) != secret.prefix or changed[14:] != secret.token[14:]


@given(text=st.text(max_size=60))
def test_no_random_text_has_the_shape_of_a_secret(text: str) -> None:
    assert api_key_prefix(text) is None
    assert not is_plain_token(text, "ss")
    assert is_plain_token(mint_session_token(), "ss")
