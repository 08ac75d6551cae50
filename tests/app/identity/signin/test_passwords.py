"""Passwords: strong, slow to guess, and silent about who exists."""

import asyncio

import pytest

from app.config.schema import Identity as Settings
from app.core.call import PasswordCredential
from app.core.errors import InputError
from app.identity.signin.passwords import DECOY, checked_password
from tests.app.identity.world import PASSWORD, World, world


async def test_right_password_is_the_user(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    who = await site.who(PasswordCredential("ada", PASSWORD))
    assert (who.name, who.credential_kind) == ("ada", "password")
    assert (await site.who(PasswordCredential("ADA", PASSWORD))).name == "ada"


async def test_password_typed_in_another_unicode_form_is_the_same(site: World) -> None:
    await site.user("ada", password="übergrößenträger")
    assert (
        await site.who(PasswordCredential("ada", "u\u0308bergro\u0308\u00dfentra\u0308ger"))
    ).name == "ada"


@pytest.mark.parametrize(
    "password",
    ["sho rt", "elevenchars", "ada", "adaadaadaada", "aaaaaaaaaaaaaaaa", "ababababababab", "x1y2" * 300],
)
def test_weak_password_is_refused_without_repeating_it(password: str) -> None:
    with pytest.raises(InputError) as refused:
        checked_password(password, name="ada")
    assert refused.value.code == "weak_password"
    assert password == "ada" or password not in str(refused.value)


async def test_hash_is_argon2id_and_the_decoy_costs_the_same(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    ((phc,),) = await site.rows("SELECT phc FROM passwords")
    assert str(phc).split("$")[1:4] == DECOY.split("$")[1:4] == ["argon2id", "v=19", "m=19456,t=2,p=1"]
    assert [len(part) for part in str(phc).split("$")] == [len(part) for part in DECOY.split("$")]


async def test_answer_costs_the_same_work_whoever_is_asked_for(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    await site.user("nopass")
    await site.user("gone", password=PASSWORD)
    async with site.act("admin.user.disable") as passage:
        await site.identity.users.disable(passage, "gone")
    work = []
    for name in ("ada", "nopass", "gone", "nobody", "x" * 10_000, "a\x00b", "\ud800"):
        before = site.identity.passwords.derivations
        assert (await site.who(PasswordCredential(name, "wrong wrong wrong"))).failure == "credential_invalid"
        work.append(site.identity.passwords.derivations - before)
    assert work == [1] * 7


@pytest.mark.parametrize("name", ["ada", "nobody"])
async def test_lock_does_not_tell_whether_the_name_exists(site: World, name: str) -> None:
    await site.user("ada", password=PASSWORD)
    reasons = [(await site.who(PasswordCredential(name, f"wrong {n}"))).failure for n in range(8)]
    assert reasons == ["credential_invalid"] * 5 + ["rate_limited"] * 3


async def test_locked_account_refuses_the_right_password_until_the_lock_ends(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    for n in range(5):
        await site.who(PasswordCredential("ada", f"wrong {n}"))
    site.clock.advance(800)
    assert (await site.who(PasswordCredential("ada", PASSWORD))).failure == "rate_limited"
    # Trying while it is locked does not make the lock longer.
    site.clock.advance(101)
    assert (await site.who(PasswordCredential("ada", PASSWORD))).name == "ada"


async def test_parallel_guesses_do_not_exceed_the_limit(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    before = site.identity.passwords.derivations
    answers = await asyncio.gather(
        *(site.who(PasswordCredential("ada", f"guess {n}"), f"10.0.1.{n}") for n in range(40))
    )
    assert sorted(answer.failure for answer in answers) == ["credential_invalid"] * 5 + ["rate_limited"] * 35
    assert site.identity.passwords.derivations - before == 5


async def test_success_forgets_failures(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    for _ in range(3):
        for n in range(4):
            assert (await site.who(PasswordCredential("ada", f"wrong {n}"))).failure == "credential_invalid"
        assert (await site.who(PasswordCredential("ada", PASSWORD))).name == "ada"


@pytest.mark.slow
async def test_one_password_sprayed_over_many_names_is_stopped(site: World) -> None:
    before = site.identity.passwords.derivations
    reasons = [(await site.who(PasswordCredential(f"user{n}", PASSWORD))).failure for n in range(35)]
    assert reasons == ["credential_invalid"] * 30 + ["rate_limited"] * 5
    assert site.identity.passwords.derivations - before == 30


@pytest.mark.slow
async def test_unlocking_and_a_new_password_lift_the_lock(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    for n in range(6):
        await site.who(PasswordCredential("ada", f"wrong {n}"))
    async with site.act("admin.user.unlock") as passage:
        await site.identity.users.unlock(passage, "ada")
    assert (await site.who(PasswordCredential("ada", PASSWORD))).name == "ada"
    async with site.act("admin.user.password") as passage:
        await site.identity.users.set_password(passage, "ada", "another long secret")
    assert (await site.who(PasswordCredential("ada", PASSWORD))).failure == "credential_invalid"
    assert (await site.who(PasswordCredential("ada", "another long secret"))).name == "ada"


async def test_disabled_user_is_told_so_only_with_the_right_password(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    async with site.act("admin.user.disable") as passage:
        await site.identity.users.disable(passage, "ada")
    assert (await site.who(PasswordCredential("ada", "wrong wrong wrong"))).failure == "credential_invalid"
    assert (await site.who(PasswordCredential("ada", PASSWORD))).failure == "identity_disabled"


async def test_failures_are_forgotten_and_names_that_were_typed_are_not_kept(database: str) -> None:
    async with world(database, Settings(lockout_seconds=10)) as site:
        await site.who(PasswordCredential("my secret typed in the wrong field", "x"))
        rows = await site.rows("SELECT a::text FROM sign_in_attempts a")
        assert len(rows) == 1
        assert "secret" not in str(rows)
        site.clock.advance(11)
        await site.identity.prune()
        assert await site.rows("SELECT * FROM sign_in_attempts") == []


async def test_password_is_nowhere_in_the_record(site: World) -> None:
    await site.user("ada", password=PASSWORD)
    await site.sign_in(PasswordCredential("ada", PASSWORD))
    rows = await site.rows("SELECT e::text FROM audit_events e")
    assert len(rows) >= 4
    assert PASSWORD not in str(rows)
