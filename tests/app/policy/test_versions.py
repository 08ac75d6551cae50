"""Versions are kept, what holds is a pointer, and every engine follows it."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from app.core.clock import SystemClock
from app.core.errors import ConflictError, InputError, NotFoundError
from app.db import Pool, connect, open_pool
from app.policy import Engine, Policies
from app.policy.engine import TRUSTED_FOR, fingerprint
from tests.app.policy.world import TOOL, passage, person, rule, source


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with open_pool(database, size=4, timeout=5.0) as opened:
        yield opened


@pytest.fixture
def policies(pool: Pool) -> Policies:
    return Policies(pool=pool, clock=SystemClock())


def permits(engine: Engine) -> bool:
    return engine.decide(person(), "tool.call", TOOL, arguments={}).permitted


async def test_applied_document_reaches_every_engine(pool: Pool, policies: Policies) -> None:
    engines = [Engine(pool=pool), Engine(pool=pool)]
    assert [await engine.refresh() for engine in engines] == [True, True]
    assert [permits(engine) for engine in engines] == [False, False]
    applied = await policies.apply(passage("admin.policy.apply", "ada"), source(rule()))
    assert (applied.version, applied.changed) == (1, True)
    assert [await engine.refresh() for engine in engines] == [True, True]
    assert [permits(engine) for engine in engines] == [True, True]
    assert {engine.snapshot.hash for engine in engines} == {applied.policy_hash}
    assert await engines[0].refresh() is False


async def test_exact_bytes_are_kept_with_author_and_hash(policies: Policies) -> None:
    data = b"# why\r\n" + source(rule()) + b"\n\n"
    await policies.apply(passage("admin.policy.apply", "ada"), data)
    row = await policies.show("site")
    assert (row.source.encode(), row.author, row.approver) == (data, "user:ada", None)
    assert row.sha256 == fingerprint(data)
    assert row.applied is not None


async def test_same_document_makes_no_new_version(policies: Policies) -> None:
    first = await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
    again = await policies.apply(passage("admin.policy.apply", "b"), source(rule()))
    assert (again.version, again.changed, again.policy_hash) == (1, False, first.policy_hash)


async def test_rollback_lets_the_older_version_hold(pool: Pool, policies: Policies) -> None:
    await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
    await policies.apply(passage("admin.policy.apply", "a"), source(rule("forbid")))
    rolled = await policies.rollback(passage("admin.policy.rollback", "b"), "site")
    assert (rolled.version, rolled.changed) == (1, True)
    engine = Engine(pool=pool)
    await engine.refresh()
    assert permits(engine)
    versions, activations = await policies.history("site")
    assert [row.version for row in versions] == [2, 1]
    assert [(row.version, row.author) for row in activations] == [(1, "user:b"), (2, "user:a"), (1, "user:a")]


async def test_retired_policy_holds_no_more(pool: Pool, policies: Policies) -> None:
    await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
    await policies.retire(passage("admin.policy.retire", "a"), "site")
    engine = Engine(pool=pool)
    await engine.refresh()
    assert not permits(engine)
    assert [(row.name, row.applied is None) for row in await policies.overview()] == [
        ("builtin", False),
        ("site", True),
    ]
    with pytest.raises(NotFoundError):
        await policies.retire(passage("admin.policy.retire", "a"), "site")


async def test_several_documents_hold_together(pool: Pool, policies: Policies) -> None:
    await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
    await policies.apply(passage("admin.policy.apply", "a", "more"), source(rule("forbid"), policy="more"))
    engine = Engine(pool=pool)
    await engine.refresh()
    decision = engine.decide(person(), "tool.call", TOOL, arguments={})
    assert decision.rule_ids == ("more/one",)


async def test_document_that_fails_its_own_tests_is_refused(policies: Policies) -> None:
    given = {"user": "dora", "action": "tool.call", "tool": "files/read"}
    data = source(rule(), tests=[{"name": "closed", "given": given, "expect": "forbid"}])
    with pytest.raises(InputError, match="1 of 1 tests of policy site fail; the first is 'closed'"):
        await policies.apply(passage("admin.policy.apply", "a"), data)
    assert [row.name for row in await policies.overview()] == ["builtin"]


async def test_locking_out_the_operator_is_refused(policies: Policies) -> None:
    with pytest.raises(ConflictError, match="lock everybody out"):
        await policies.apply(
            passage("admin.policy.apply", "a"), source(rule("forbid", actions=["admin.policy.*"]))
        )
    spared = rule("forbid", actions=["admin.policy.*"], who={"kinds": ["user", "service", "agent"]})
    await policies.apply(passage("admin.policy.apply", "a"), source(spared))


async def test_concurrent_applies_get_their_own_versions(policies: Policies) -> None:
    documents = [source(rule(reason=f"number {number}")) for number in range(4)]
    applied = await asyncio.gather(
        *(policies.apply(passage("admin.policy.apply", "a"), data) for data in documents)
    )
    assert sorted(row.version for row in applied) == [1, 2, 3, 4]


async def test_change_of_a_policy_is_notified(database: str, policies: Policies) -> None:
    async with await connect(database, purpose="test") as conn:
        await conn.execute("LISTEN sallyport_changed")
        await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
        heard = [note.payload async for note in conn.notifies(timeout=5.0, stop_after=1)]
    assert heard == ["policy"]


async def test_versions_cannot_be_changed_in_the_database(database: str, policies: Policies) -> None:
    await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
    async with await connect(database, purpose="test") as conn:
        for statement in (
            "UPDATE policy_versions SET author = 'b'",
            "DELETE FROM policy_activations",
            "TRUNCATE policy_activations",
        ):
            with pytest.raises(psycopg.Error, match="are kept"):
                await conn.execute(statement)  # pyright: ignore[reportArgumentType]


async def test_tampered_document_permits_nothing(database: str, pool: Pool, policies: Policies) -> None:
    await policies.apply(passage("admin.policy.apply", "a"), source(rule("forbid")))
    async with await connect(database, purpose="test") as conn:
        await conn.execute("ALTER TABLE policy_versions DISABLE TRIGGER policy_versions_kept")
        await conn.execute("UPDATE policy_versions SET source = replace(source, 'forbid', 'permit')")
    engine = Engine(pool=pool)
    await engine.refresh()
    assert not permits(engine)
    assert "was changed in the database" in engine.problem
    await policies.retire(passage("admin.policy.retire", "a"), "site")
    await engine.refresh()
    assert engine.problem == ""


async def test_diff_and_unknown_names(policies: Policies) -> None:
    await policies.apply(passage("admin.policy.apply", "a"), b"# one\n" + source(rule()))
    await policies.apply(passage("admin.policy.apply", "a"), b"# two\n" + source(rule()))
    told = await policies.diff("site", old=1, new=2)
    assert "-# one\n+# two\n" in told
    assert "+# three\n" in await policies.diff("site", old=None, new=b"# three\n" + source(rule()))
    with pytest.raises(NotFoundError, match="has no version 7"):
        await policies.show("site", version=7)
    with pytest.raises(NotFoundError, match="There is no policy 'other'"):
        await policies.show("other")
    with pytest.raises(NotFoundError, match="no earlier version"):
        await policies.rollback(passage("admin.policy.rollback", "a", "builtin"), "builtin")


async def test_change_needs_a_passage_for_itself(policies: Policies) -> None:
    with pytest.raises(ValueError, match="cannot do admin"):
        await policies.apply(passage("admin.policy.show", "a"), source(rule()))
    with pytest.raises(InputError, match="'site' was to be changed"):
        await policies.apply(passage("admin.policy.apply", "a"), source(rule(), policy="other"))


async def test_policy_that_cannot_be_confirmed_permits_nothing(pool: Pool, policies: Policies) -> None:
    now = [0.0]
    engine = Engine(pool=pool, monotonic=lambda: now[0])
    await policies.apply(passage("admin.policy.apply", "a"), source(rule()))
    await engine.refresh()
    now[0] = TRUSTED_FOR
    assert permits(engine)
    now[0] += 1
    decision = engine.decide(person(), "tool.call", TOOL, arguments={})
    assert (decision.effect, decision.reason) == ("forbid", "policy_unconfirmed")
    assert not engine.may(person(), "tool.call", TOOL)
    await engine.refresh()
    assert permits(engine)
