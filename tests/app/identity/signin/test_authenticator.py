"""The front of identity: everybody is somebody, nobody, or the call is refused."""

import pytest

from app.config.schema import Identity as Settings
from app.core.call import (
    BearerToken,
    Inherited,
    LocalOperator,
    NoCredential,
    PasswordCredential,
    SessionCookie,
)
from app.core.errors import RecordUnavailableError
from app.core.principal import Principal, rejected
from app.identity import Identity
from app.identity.signin.authenticator import Authenticator
from tests.app.identity.world import OPERATOR, PASSWORD, ManualClock, World


class Badges:
    """A family of bearer tokens as an extension would add it: `badge:NAME`."""

    def recognises(self, token: str) -> bool:
        return token.startswith("badge:")

    def cached(self, token: str) -> Principal | None:
        return None

    def known(self, token: str) -> bool:
        return False

    async def verify(self, token: str) -> Principal:
        name = token.removeprefix("badge:")
        return Principal(id=name, kind="user", name=name) if name else rejected("credential_expired")


async def test_no_credential_is_anonymous_without_a_failure(site: World) -> None:
    who = await site.who(NoCredential())
    assert (who.anonymous, who.failure) == (True, "")


async def test_operator_of_the_host_is_an_administrator_by_user_id(site: World) -> None:
    who = await site.who(LocalOperator(uid=1000, name="jo"))
    assert (who.kind, who.id, who.name, who.roles) == ("operator", "uid:1000", "jo", ("administrator",))


async def test_inherited_credential_is_the_principal_of_the_call_it_came_from(site: World) -> None:
    async with site.act("admin.user.list") as passage:
        assert await site.who(Inherited(passage)) == passage.principal


async def test_further_families_of_tokens_register_beside_api_keys(site: World) -> None:
    room = Identity(pool=site.pool, clock=site.clock, settings=Settings(), token_verifiers=[Badges()])
    answers = [
        await room.authenticator.authenticate(BearerToken(token), address="10.0.0.1")
        for token in ("badge:jo", "badge:", "other")
    ]
    assert [(who.name, who.failure) for who in answers] == [
        ("jo", ""),
        ("anonymous", "credential_expired"),
        ("anonymous", "credential_invalid"),
    ]


async def test_credential_that_nobody_verifies_is_bad() -> None:
    bare = Authenticator(verifiers={}, clock=ManualClock())
    assert (await bare.authenticate(BearerToken("sp_x"), address="")).failure == "credential_invalid"


@pytest.mark.parametrize("kind", ["key", "cookie", "password"])
async def test_database_that_is_away_refuses_the_call_and_makes_nobody_anonymous(
    site: World, kind: str
) -> None:
    await site.user("ada", password=PASSWORD)
    key = await site.key("ada")
    session = await site.sign_in(PasswordCredential("ada", PASSWORD))
    credential = {
        "key": BearerToken(key.token),
        "cookie": SessionCookie(session.token),
        "password": PasswordCredential("ada", PASSWORD),
    }[kind]
    await site.pool.close()
    with pytest.raises(RecordUnavailableError, match="Who asks cannot be checked"):
        await site.who(credential)


async def test_operator_is_known_without_a_database(site: World) -> None:
    await site.pool.close()
    assert (await site.who(OPERATOR)).kind == "operator"
