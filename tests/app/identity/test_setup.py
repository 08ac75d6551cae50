"""One-time links: once, in time, for one purpose."""

import asyncio
from datetime import timedelta

import pytest

from app.core.call import PasswordCredential, SetupToken
from app.core.errors import ConflictError, DeniedError, InputError, NotFoundError
from app.identity.signin.sessions import NewSession
from tests.app.identity.world import PASSWORD, World


async def begin(site: World, token: str, name: str = "ada", password: str = PASSWORD) -> NewSession:
    async with site.act("session.create", credential=SetupToken(token)) as passage:
        return await site.identity.setup.first_administrator(passage, name=name, password=password)


async def setup_token(site: World) -> str:
    token = await site.identity.setup.mint_setup_token()
    assert token is not None
    return token


async def test_setup_link_makes_the_first_administrator_and_signs_them_in(site: World) -> None:
    session = await begin(site, await setup_token(site))
    who = await site.cookie(session.token)
    assert (who.name, who.roles) == ("ada", ("administrator",))
    assert (await site.who(PasswordCredential("ada", PASSWORD))).name == "ada"
    assert await site.identity.setup.mint_setup_token() is None


async def test_replayed_setup_link_is_refused_and_recorded(site: World) -> None:
    token = await setup_token(site)
    await begin(site, token)
    with pytest.raises(DeniedError) as denied:
        await begin(site, token, "mallory")
    assert denied.value.decision.reason == "credential_invalid"
    assert await site.rows("SELECT reason FROM audit_events WHERE kind = 'denial'") == [
        ("credential_invalid",)
    ]
    assert [account.name for account in await site.identity.users.list_all()] == ["ada"]


async def test_setup_link_used_twice_at_once_makes_one_administrator(site: World) -> None:
    token = await setup_token(site)
    results = await asyncio.gather(
        *(begin(site, token, name) for name in ("ada", "bob", "eve")), return_exceptions=True
    )
    assert sum(isinstance(result, NewSession) for result in results) == 1
    assert all(isinstance(result, NewSession | ConflictError | DeniedError) for result in results)
    assert len(await site.identity.users.list_all()) == 1


async def test_setup_link_survives_a_refused_password(site: World) -> None:
    token = await setup_token(site)
    with pytest.raises(InputError):
        await begin(site, token, password="short")
    assert (await site.cookie((await begin(site, token)).token)).name == "ada"


async def test_newer_setup_link_replaces_the_older(site: World) -> None:
    old = await setup_token(site)
    new = await setup_token(site)
    assert (await site.who(SetupToken(old))).failure == "credential_invalid"
    assert (await site.who(SetupToken(new))).name == "setup"


async def test_setup_link_expires(site: World) -> None:
    token = await setup_token(site)
    site.clock.advance(24 * 3600 + 1)
    assert (await site.who(SetupToken(token))).failure == "credential_expired"


async def test_setup_link_is_void_once_there_is_an_administrator(site: World) -> None:
    token = await setup_token(site)
    await site.user("ada", "administrator")
    assert (await site.who(SetupToken(token))).failure == "credential_invalid"


async def test_setup_link_is_good_for_nothing_but_setting_up(site: World) -> None:
    token = await setup_token(site)
    with pytest.raises(DeniedError) as denied:
        async with site.act("admin.user.create", credential=SetupToken(token)):
            pass
    assert denied.value.decision.reason == "scope_insufficient"
    with pytest.raises(ConflictError):
        await site.sign_in(SetupToken(token))
    assert (await site.who(SetupToken(token))).name == "setup"


async def test_sign_in_link_works_once(site: World) -> None:
    await site.user("ada", "auditor")
    async with site.act("admin.user.link") as passage:
        token = await site.identity.setup.mint_sign_in(passage, "ada")
    session = await site.sign_in(SetupToken(token))
    assert (await site.cookie(session.token)).name == "ada"
    with pytest.raises(DeniedError):
        await site.sign_in(SetupToken(token))


async def test_sign_in_link_used_twice_at_once_begins_one_session(site: World) -> None:
    await site.user("ada")
    async with site.act("admin.user.link") as passage:
        token = await site.identity.setup.mint_sign_in(passage, "ada")
    results = await asyncio.gather(
        *(site.sign_in(SetupToken(token)) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, NewSession) for result in results) == 1
    assert len(await site.identity.sessions.list_all()) == 1


async def test_sign_in_link_expires_and_dies_with_its_user(site: World) -> None:
    await site.user("ada")
    async with site.act("admin.user.link") as passage:
        short = await site.identity.setup.mint_sign_in(passage, "ada", lifetime=timedelta(seconds=5))
        other = await site.identity.setup.mint_sign_in(passage, "ada")
    site.clock.advance(6)
    assert (await site.who(SetupToken(short))).failure == "credential_expired"
    async with site.act("admin.user.disable") as passage:
        await site.identity.users.disable(passage, "ada")
    assert (await site.who(SetupToken(other))).failure == "credential_invalid"


async def test_sign_in_link_is_for_active_users_only(site: World) -> None:
    async with site.act("admin.user.link") as passage:
        with pytest.raises(NotFoundError):
            await site.identity.setup.mint_sign_in(passage, "nobody")


async def test_sign_in_link_is_good_for_nothing_but_signing_in(site: World) -> None:
    await site.user("ada", "administrator")
    async with site.act("admin.user.link") as passage:
        token = await site.identity.setup.mint_sign_in(passage, "ada")
    with pytest.raises(DeniedError) as denied:
        async with site.act("admin.user.create", credential=SetupToken(token)):
            pass
    assert denied.value.decision.reason == "scope_insufficient"
