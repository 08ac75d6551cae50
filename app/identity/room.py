"""The room put together: what the server, the command line and tests hold."""

from collections.abc import Sequence

import msgspec

from app.config.schema import Identity as Settings
from app.core.call import BearerToken, PasswordCredential, SessionCookie, SetupToken
from app.core.clock import Clock
from app.identity import store
from app.identity.accounts import Accounts
from app.identity.budgets import Budgets
from app.identity.change import Changes, Version
from app.identity.groups import Groups
from app.identity.keys import Keys
from app.identity.roles import Roles
from app.identity.setup import Setup
from app.identity.signin.api_keys import ApiKeyVerifier
from app.identity.signin.authenticator import Authenticator, BearerTokens, TokenVerifier
from app.identity.signin.passwords import Passwords
from app.identity.signin.sessions import Sessions
from app.identity.signin.verified import VerifiedCache


class IdentityRoom(msgspec.Struct, frozen=True, kw_only=True):
    """One service per noun, the Authenticator and Budgets that admission takes, and the room's housekeeping."""

    users: Accounts
    services: Accounts
    groups: Groups
    roles: Roles
    keys: Keys
    sessions: Sessions
    setup: Setup
    passwords: Passwords
    authenticator: Authenticator
    budgets: Budgets
    version: Version
    api_keys: ApiKeyVerifier

    async def refresh(self) -> None:
        """Every second, and on a `sallyport_changed` hint: notice what other processes changed."""
        await self.version.refresh()

    async def flush(self) -> None:
        """Every minute and at the end: write when keys and sessions were last used."""
        await self.api_keys.flush()
        await self.sessions.flush()

    async def prune(self) -> None:
        """Every hour: remove what no longer works or counts."""
        await self.sessions.prune()
        await self.passwords.prune()
        await self.budgets.prune()


def open_identity(
    *, pool: store.Pool, clock: Clock, settings: Settings, token_verifiers: Sequence[TokenVerifier] = ()
) -> IdentityRoom:
    """Wire the room; nothing is read before the first call."""
    version = Version(pool=pool, clock=clock)
    changes = Changes(pool=pool, clock=clock, version=version)
    passwords = Passwords(pool=pool, clock=clock, settings=settings)
    sessions = Sessions(changes=changes, cache=VerifiedCache(version=version, clock=clock), settings=settings)
    setup = Setup(changes=changes, sessions=sessions, passwords=passwords)
    api_keys = ApiKeyVerifier(pool=pool, clock=clock, cache=VerifiedCache(version=version, clock=clock))
    return IdentityRoom(
        users=Accounts(kind="user", changes=changes, passwords=passwords),
        services=Accounts(kind="service", changes=changes, passwords=passwords),
        groups=Groups(changes=changes),
        roles=Roles(changes=changes),
        keys=Keys(changes=changes),
        sessions=sessions,
        setup=setup,
        passwords=passwords,
        authenticator=Authenticator(
            verifiers={
                BearerToken: BearerTokens([api_keys, *token_verifiers]),
                SessionCookie: sessions,
                PasswordCredential: passwords,
                SetupToken: setup,
            },
            clock=clock,
        ),
        budgets=Budgets(pool=pool, clock=clock),
        version=version,
        api_keys=api_keys,
    )
