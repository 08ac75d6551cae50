"""API keys: shown once, refused as soon as anything about them says so."""

import asyncio

import pytest

from app.core.call import BearerToken
from app.core.errors import ConflictError, DatabaseError, DeniedError, InputError, NotFoundError
from tests.app.identity.world import World


async def test_key_is_its_owner_with_its_scopes(site: World) -> None:
    account = await site.user("ada", "developer")
    made = await site.key("ada", scopes=("model.*", "tool.call"))
    who = await site.bearer(made.token)
    assert (who.id, who.kind, who.name, who.roles) == (str(account.id), "user", "ada", ("developer",))
    assert (who.scopes, who.credential_kind, who.credential_id) == (
        ("model.*", "tool.call"),
        "api_key",
        made.key.prefix,
    )


async def test_secret_is_nowhere_in_the_database(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    secret = made.token.rpartition("_")[2]
    tables = await site.rows("SELECT k::text FROM api_keys k UNION ALL SELECT e::text FROM audit_events e")
    assert len(tables) > 2
    assert not any(secret in str(row) for row in tables)
    assert made.token not in repr(await site.identity.keys.list_all())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "sp_",
        "sp_aaaaaaaaaa",
        "sp_aaaaaaaaaa_" + "A" * 43,
        "sp_" + "A" * 10 + "_" + "A" * 43,
        "sp_aaaaaaaaaa_" + "A" * 44,
        "sp_aaaaaaaaaa_" + "A" * 42 + "\x00",
        "sp_aaaaaaaaaa_" + "A" * 42 + "\ud800",
        "sk-ant-something",
        "eyJhbGciOiJub25lIn0.e30.",
        "ss_" + "A" * 43,
        "x" * 100_000,
    ],
)
async def test_token_of_nobody_is_anonymous_with_a_reason(site: World, token: str) -> None:
    who = await site.bearer(token)
    assert (who.anonymous, who.failure) == (True, "credential_invalid")


async def test_wrong_secret_for_a_known_prefix_says_no_more_than_any_bad_token(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    async with site.act("admin.key.disable") as passage:
        await site.identity.keys.disable(passage, made.key.prefix)
    forged = f"sp_{made.key.prefix}_{'A' * 43}"
    assert (await site.bearer(forged)).failure == "credential_invalid"
    assert (await site.bearer(made.token)).failure == "identity_disabled"


@pytest.mark.parametrize("verb", ["disable", "revoke"])
async def test_key_taken_away_is_refused_from_the_cache(site: World, verb: str) -> None:
    await site.user("ada")
    made = await site.key("ada")
    assert (await site.bearer(made.token)).name == "ada"
    assert site.identity.api_keys.cached(made.token) is not None
    async with site.act(f"admin.key.{verb}") as passage:
        await getattr(site.identity.keys, verb)(passage, made.key.prefix)
    assert (await site.bearer(made.token)).failure == "identity_disabled"


async def test_key_revoked_by_another_process_is_refused_after_the_next_look(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    other = await site.restart()
    assert (await other.authenticator.authenticate(BearerToken(made.token), address="")).name == "ada"
    async with site.act("admin.key.revoke") as passage:
        await site.identity.keys.revoke(passage, made.key.prefix)
    await other.refresh()
    assert (
        await other.authenticator.authenticate(BearerToken(made.token), address="")
    ).failure == "identity_disabled"


async def test_cache_is_not_believed_when_nobody_looks_for_changes(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    other = await site.restart()
    assert (await other.authenticator.authenticate(BearerToken(made.token), address="")).name == "ada"
    async with site.act("admin.key.revoke") as passage:
        await site.identity.keys.revoke(passage, made.key.prefix)
    site.clock.advance(6)
    assert (
        await other.authenticator.authenticate(BearerToken(made.token), address="")
    ).failure == "identity_disabled"


async def test_change_during_the_look_up_leaves_nothing_stale(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    async with site.act("admin.key.revoke") as passage:
        await asyncio.gather(
            *(site.bearer(made.token) for _ in range(20)), site.identity.keys.revoke(passage, made.key.prefix)
        )
    assert (await site.bearer(made.token)).failure == "identity_disabled"


async def test_disabled_key_works_again_when_enabled_but_a_revoked_one_never(site: World) -> None:
    await site.user("ada")
    made, keys = await site.key("ada"), site.identity.keys
    async with site.act("admin.key.disable") as passage:
        await keys.disable(passage, made.key.prefix)
    async with site.act("admin.key.enable") as passage:
        await keys.enable(passage, "sp_" + made.key.prefix)
    assert (await site.bearer(made.token)).name == "ada"
    async with site.act("admin.key.revoke") as passage:
        await keys.revoke(passage, made.key.prefix)
    async with site.act("admin.key.enable") as passage:
        with pytest.raises(ConflictError):
            await keys.enable(passage, made.key.prefix)


async def test_expired_key_is_denied_even_from_the_cache(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada", seconds=3)
    assert (await site.bearer(made.token)).name == "ada"
    site.clock.advance(4)
    await site.identity.refresh()
    assert (await site.bearer(made.token)).failure == "credential_expired"


async def test_key_of_a_disabled_owner_is_refused_at_once(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    assert (await site.bearer(made.token)).name == "ada"
    async with site.act("admin.user.disable") as passage:
        await site.identity.users.disable(passage, "ada")
    assert (await site.bearer(made.token)).failure == "identity_disabled"
    async with site.act("admin.key.create") as passage:
        with pytest.raises(ConflictError):
            await site.identity.keys.create(passage, owner="ada")


async def test_role_given_later_is_seen_at_once(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    assert (await site.bearer(made.token)).roles == ()
    async with site.act("admin.user.grant") as passage:
        await site.identity.users.grant(passage, "ada", "auditor")
    assert (await site.bearer(made.token)).roles == ("auditor",)


async def test_scope_narrows_even_an_administrator(site: World) -> None:
    await site.user("ada", "administrator")
    token = (await site.key("ada", scopes=("model.*",))).token
    with pytest.raises(DeniedError) as denied:
        async with site.act("admin.user.list", credential=BearerToken(token)):
            pass
    assert denied.value.decision.reason == "scope_insufficient"


@pytest.mark.parametrize(
    "scopes", [(), ("",), ("Model.*",), ("model.",), ("*.x",), ("a b",), ("a",) * 65, ("x" * 65,)]
)
async def test_scope_that_means_nothing_is_refused(site: World, scopes: tuple[str, ...]) -> None:
    await site.user("ada")
    with pytest.raises(InputError):
        await site.key("ada", scopes=scopes)


async def test_key_for_nobody_or_from_the_past_is_refused(site: World) -> None:
    await site.user("ada")
    with pytest.raises(NotFoundError):
        await site.key("nobody")
    with pytest.raises(InputError):
        await site.key("ada", seconds=-5)


async def test_last_use_is_written_at_most_once_a_minute(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")

    async def used() -> object:
        await site.bearer(made.token)
        await site.identity.flush()
        return (await site.identity.keys.find(made.key.prefix)).last_used

    first = await used()
    assert first is not None
    site.clock.advance(30)
    assert await used() == first
    site.clock.advance(31)
    assert await used() != first


async def test_flood_of_bad_tokens_is_refused_before_the_database(site: World) -> None:
    await site.user("ada")
    good, late = await site.key("ada"), await site.key("ada")
    assert (await site.bearer(good.token)).name == "ada"
    bad = [f"sp_aaaaaaaaaa_{number:043}" for number in range(40)]
    reasons = [(await site.bearer(token)).failure for token in bad]
    assert reasons == ["credential_invalid"] * 30 + ["rate_limited"] * 10
    assert (await site.bearer(late.token)).failure == "rate_limited"
    assert (await site.bearer(late.token, "10.0.0.2")).name == "ada"
    site.clock.advance(61)
    assert (await site.bearer(late.token)).name == "ada"


async def test_flood_from_a_shared_address_does_not_lock_out_who_was_known(site: World) -> None:
    await site.user("ada")
    made = await site.key("ada")
    assert (await site.bearer(made.token)).name == "ada"
    for number in range(40):
        await site.bearer(f"sp_aaaaaaaaaa_{number:043}")
    async with site.act("admin.user.create") as passage:
        await site.identity.users.create(passage, name="bob")
    assert site.identity.api_keys.cached(made.token) is None
    assert (await site.bearer(made.token)).name == "ada"


async def test_end_without_a_database_loses_only_times_of_last_use(site: World) -> None:
    await site.user("ada")
    await site.bearer((await site.key("ada")).token)
    await site.pool.close()
    with pytest.raises(DatabaseError):
        await site.identity.flush()
    await site.identity.close()
