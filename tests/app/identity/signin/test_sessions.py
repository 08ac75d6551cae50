"""Sessions: begun by proof, ended by idleness, age or anybody who may."""

import pytest

from app.config.schema import Identity as Settings
from app.core.call import BearerToken, PasswordCredential, SessionCookie
from app.core.errors import ConflictError, NotFoundError
from tests.app.identity.world import PASSWORD, World, world

ADA = PasswordCredential("ada", PASSWORD)


@pytest.fixture
async def token(site: World) -> str:
    """The token of a session of ada's."""
    await site.user("ada", "auditor", password=PASSWORD)
    return (await site.sign_in(ADA)).token


async def test_session_is_its_user(site: World, token: str) -> None:
    who = await site.cookie(token)
    (listed,) = await site.identity.sessions.list_all(account="ada")
    assert (who.name, who.roles, who.credential_kind, who.session) == (
        "ada",
        ("auditor",),
        "session",
        str(listed.id),
    )
    assert listed.address == "10.0.0.1"


async def test_each_sign_in_is_another_session(site: World, token: str) -> None:
    second = await site.sign_in(ADA)
    assert second.token != token
    assert (await site.cookie(token)).session != (await site.cookie(second.token)).session


async def test_session_token_is_only_kept_as_a_hash(site: World, token: str) -> None:
    assert token.removeprefix("ss_") not in str(await site.rows("SELECT s::text FROM sessions s"))


@pytest.mark.parametrize("bad", ["", "ss_", "ss_" + "A" * 43, "ss_" + "\x00" * 43, "A" * 43, "' OR 1=1 --"])
async def test_cookie_of_no_session_is_anonymous(site: World, bad: str) -> None:
    assert (await site.cookie(bad)).failure == "credential_invalid"


async def test_session_token_is_not_a_bearer_token_nor_a_key_a_cookie(site: World, token: str) -> None:
    key = await site.key("ada")
    assert (await site.bearer(token)).failure == "credential_invalid"
    assert (await site.cookie(key.token)).failure == "credential_invalid"


async def test_api_key_cannot_begin_a_session(site: World, token: str) -> None:
    key = await site.key("ada")
    with pytest.raises(ConflictError):
        await site.sign_in(BearerToken(key.token))


async def test_idle_session_ends(database: str) -> None:
    async with world(database, Settings(session_idle=100)) as site:
        await site.user("ada", password=PASSWORD)
        token = (await site.sign_in(ADA)).token
        for _ in range(5):
            site.clock.advance(90)
            await site.identity.refresh()
            assert (await site.cookie(token)).name == "ada"
            await site.identity.flush()
        site.clock.advance(101)
        await site.identity.refresh()
        assert (await site.cookie(token)).failure == "credential_expired"
        assert await site.identity.sessions.list_all() == []


async def test_idle_session_ends_although_its_last_use_was_cached(database: str) -> None:
    async with world(database, Settings(session_idle=3)) as site:
        await site.user("ada", password=PASSWORD)
        token = (await site.sign_in(ADA)).token
        assert (await site.cookie(token)).name == "ada"
        site.clock.advance(3)
        assert (await site.cookie(token)).failure == "credential_expired"


async def test_use_on_one_node_keeps_the_session_alive_on_another(database: str) -> None:
    async with world(database, Settings(session_idle=100)) as site:
        await site.user("ada", password=PASSWORD)
        token = (await site.sign_in(ADA)).token
        site.clock.advance(90)
        assert (await site.cookie(token)).name == "ada"
        await site.identity.flush()
        site.clock.advance(90)
        other = await site.restart(Settings(session_idle=100))
        assert (await other.authenticator.authenticate(SessionCookie(token), address="")).name == "ada"


async def test_session_ends_after_its_absolute_time_however_busy(database: str) -> None:
    async with world(database, Settings(session_idle=100, session_absolute=250)) as site:
        await site.user("ada", password=PASSWORD)
        token = (await site.sign_in(ADA)).token
        answers = []
        for _ in range(6):
            site.clock.advance(50)
            await site.identity.refresh()
            answers.append((await site.cookie(token)).failure)
        assert answers == ["", "", "", "", "credential_expired", "credential_expired"]
        await site.identity.prune()
        assert await site.rows("SELECT * FROM sessions") == []


async def test_ended_session_is_refused_from_the_cache_here_and_elsewhere(site: World, token: str) -> None:
    other = await site.restart()
    assert (await other.authenticator.authenticate(SessionCookie(token), address="")).name == "ada"
    id_ = (await site.cookie(token)).session
    async with site.act("session.end", credential=SessionCookie(token)) as passage:
        await site.identity.sessions.end(passage, id_)
    assert (await site.cookie(token)).failure == "credential_invalid"
    await other.refresh()
    assert (
        await other.authenticator.authenticate(SessionCookie(token), address="")
    ).failure == "credential_invalid"


async def test_nobody_ends_the_session_of_another_as_their_own(site: World, token: str) -> None:
    await site.user("eve", password=PASSWORD)
    eve = (await site.sign_in(PasswordCredential("eve", PASSWORD))).token
    id_ = (await site.cookie(token)).session
    async with site.act("session.end", credential=SessionCookie(eve)) as passage:
        with pytest.raises(NotFoundError):
            await site.identity.sessions.end(passage, id_)
    assert (await site.cookie(token)).name == "ada"
    async with site.act("admin.session.end") as passage:
        await site.identity.sessions.end(passage, id_)
    assert (await site.cookie(token)).failure == "credential_invalid"


@pytest.mark.parametrize("how", ["password", "disable"])
async def test_new_password_or_disabling_ends_all_sessions(site: World, token: str, how: str) -> None:
    assert (await site.cookie(token)).name == "ada"
    async with site.act(f"admin.user.{how}") as passage:
        if how == "password":
            await site.identity.users.set_password(passage, "ada", "another long secret")
        else:
            await site.identity.users.disable(passage, "ada")
    assert (await site.cookie(token)).failure == "credential_invalid"


async def test_all_sessions_of_an_account_can_be_ended(site: World, token: str) -> None:
    second = (await site.sign_in(ADA)).token
    async with site.act("admin.session.end") as passage:
        await site.identity.sessions.end_all(passage, "ada")
    assert [(await site.cookie(one)).failure for one in (token, second)] == ["credential_invalid"] * 2


async def test_polling_with_an_ended_session_does_not_keep_its_user_from_signing_in(
    site: World, token: str
) -> None:
    async with site.act("admin.session.end") as passage:
        await site.identity.sessions.end_all(passage, "ada")
    for _ in range(50):
        await site.cookie(token)
    assert (await site.who(ADA)).name == "ada"


@pytest.mark.parametrize("how", ["password", "disable", "delete"])
async def test_proof_that_was_overtaken_by_a_change_begins_no_session(site: World, how: str) -> None:
    await site.user("ada", password=PASSWORD)
    async with site.act("session.create", credential=ADA) as passage:
        async with site.act(f"admin.user.{how}") as change:
            match how:
                case "password":
                    await site.identity.users.set_password(change, "ada", "another long secret")
                case "disable":
                    await site.identity.users.disable(change, "ada")
                case _:
                    await site.identity.users.delete(change, "ada")
        with pytest.raises(ConflictError):
            await site.identity.sessions.begin(passage)
    assert await site.rows("SELECT * FROM sessions") == []
