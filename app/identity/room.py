"""The room put together: what the server, the command line and tests hold."""

import logging
from collections.abc import Sequence

from app.config.schema import Identity as Settings
from app.core.call import BearerToken, PasswordCredential, SessionCookie, SetupToken
from app.core.clock import Clock
from app.core.errors import DatabaseError
from app.identity import store
from app.identity.accounts import Accounts
from app.identity.budgets import Budgets, Definitions
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

log = logging.getLogger(__name__)


class Identity:
    """One service per noun, the Authenticator and Budgets that admission takes, and the room's housekeeping.

    Nothing is read before the first call. `token_verifiers` know bearer tokens that are not API keys.
    """

    def __init__(
        self,
        *,
        pool: store.Pool,
        clock: Clock,
        settings: Settings,
        token_verifiers: Sequence[TokenVerifier] = (),
    ) -> None:
        self.version = Version(pool=pool, clock=clock)
        changes = Changes(pool=pool, clock=clock, version=self.version)
        self.passwords = Passwords(pool=pool, clock=clock, settings=settings)
        self.users = Accounts(kind="user", changes=changes, passwords=self.passwords)
        self.services = Accounts(kind="service", changes=changes, passwords=self.passwords)
        self.groups = Groups(changes=changes)
        self.roles = Roles(changes=changes)
        self.keys = Keys(changes=changes)
        self.budgets = Budgets(pool=pool, clock=clock, version=self.version)
        self.limits = Definitions(changes=changes)
        self.sessions = Sessions(
            changes=changes, cache=VerifiedCache(version=self.version, clock=clock), settings=settings
        )
        self.setup = Setup(changes=changes, sessions=self.sessions, passwords=self.passwords)
        self.api_keys = ApiKeyVerifier(
            pool=pool, clock=clock, cache=VerifiedCache(version=self.version, clock=clock)
        )
        self.authenticator = Authenticator(
            verifiers={
                BearerToken: BearerTokens([self.api_keys, *token_verifiers]),
                SessionCookie: self.sessions,
                PasswordCredential: self.passwords,
                SetupToken: self.setup,
            },
            clock=clock,
        )

    async def refresh(self) -> None:
        """Every second, and on a `sallyport_changed` hint: notice what other processes changed."""
        await self.version.refresh()
        await self.budgets.refresh()

    async def flush(self) -> None:
        """Every minute: write when keys and sessions were last used."""
        await self.api_keys.flush()
        await self.sessions.flush()

    async def close(self) -> None:
        """At the end: flush. A database that is away then costs only times of last use."""
        try:
            await self.flush()
        except DatabaseError as error:
            log.warning("when keys and sessions were last used is not written: %s", error)

    async def prune(self) -> None:
        """Every hour: remove what no longer works or counts."""
        await self.sessions.prune()
        await self.passwords.prune()
        await self.budgets.prune()
