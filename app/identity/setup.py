"""One-time links: the first administrator's, and sign-in links for anybody."""

from datetime import timedelta

import msgspec

from app.core.call import SetupToken
from app.core.errors import ConflictError, NotFoundError
from app.core.passage import Passage
from app.core.principal import Principal, rejected
from app.core.verdict import BAD_CREDENTIAL, DISABLED, EXPIRED_CREDENTIAL
from app.identity import accounts, store
from app.identity.change import Changes
from app.identity.names import checked_name, checked_text
from app.identity.signin import store as signin_store
from app.identity.signin.passwords import Passwords, checked_password
from app.identity.signin.sessions import NewSession, Sessions
from app.identity.signin.tokens import is_plain_token, mint_setup_token, secret_hash

_SIGN_IN_ONLY = ("session.create",)

SETUP_PRINCIPAL = Principal(
    id="setup",
    kind="operator",
    name="setup",
    roles=("administrator",),
    scopes=_SIGN_IN_ONLY,
    credential_kind="setup_token",
)
"""Whoever holds the first administrator's link; good for that and nothing else."""


class Setup:
    """Mints, verifies and uses up links."""

    def __init__(self, *, changes: Changes, sessions: Sessions, passwords: Passwords) -> None:
        self._changes = changes
        self._pool = changes.pool
        self._clock = changes.clock
        self._sessions = sessions
        self._passwords = passwords

    async def mint_setup_token(self, *, lifetime: timedelta = timedelta(hours=24)) -> str | None:
        """The first administrator's token, replacing earlier ones; None when there is an administrator."""
        token, now = mint_setup_token(), self._clock.now()
        async with store.transaction(self._pool) as conn:
            await store.lock_and_bump(conn)
            if await store.count_administrators(conn):
                return None
            await signin_store.drop_first_administrator_links(conn)
            await signin_store.insert_link(
                conn,
                secret_hash(token),
                purpose="first_administrator",
                principal=None,
                now=now,
                expires=now + lifetime,
            )
        return token

    async def mint_sign_in(
        self, passage: Passage, name: str, *, lifetime: timedelta = timedelta(minutes=15)
    ) -> str:
        """A token that signs this user in once (`admin.user.link`)."""
        token, now = mint_setup_token(), self._clock.now()
        async with self._changes.begin(passage, "admin.user.link") as conn:
            account = await store.account(conn, name)
            if account is None or account.kind != "user" or account.state != "active":
                raise NotFoundError(
                    f"There is no active user {name[:80]!r}.", remedy="See `sallyport user list`."
                )
            await signin_store.insert_link(
                conn,
                secret_hash(token),
                purpose="sign_in",
                principal=account.id,
                now=now,
                expires=now + lifetime,
            )
        return token

    def cached(self, credential: SetupToken) -> None:
        """Links are looked up each time."""

    def known(self, credential: SetupToken) -> bool:
        """Never."""
        return False

    async def verify(self, credential: SetupToken) -> Principal:
        """Who the link stands for; using it up is left to the change that it allows."""
        if not is_plain_token(credential.token, "su"):
            return rejected(BAD_CREDENTIAL)
        async with store.transaction(self._pool) as conn:
            link = await signin_store.link(conn, secret_hash(credential.token))
            account = await store.account(conn, link.account) if link and link.account else None
            administrators = await store.count_administrators(conn) if link and not link.account else 0
        if link is None or link.used is not None:
            return rejected(BAD_CREDENTIAL)
        if link.expires <= self._clock.now():
            return rejected(EXPIRED_CREDENTIAL)
        if link.purpose == "first_administrator":
            return rejected(BAD_CREDENTIAL) if administrators else SETUP_PRINCIPAL
        if account is None or account.state != "active":
            return rejected(DISABLED)
        principal = account.principal(credential_kind="sign_in_link")
        return msgspec.structs.replace(principal, scopes=_SIGN_IN_ONLY)

    async def first_administrator(
        self, passage: Passage, *, name: str, password: str, display_name: str = ""
    ) -> NewSession:
        """Use the link up: make the administrator and sign them in, in one transaction."""
        credential = passage.call.credential
        if not isinstance(credential, SetupToken) or passage.principal != SETUP_PRINCIPAL:
            raise ConflictError(
                "Only the setup link makes the first administrator.", remedy="Open that link."
            )
        checked_name(name, what="user")
        checked_text(display_name, what="display name")
        phc = await self._passwords.hashed(checked_password(password, name=name))
        async with self._changes.begin(passage, "session.create") as conn:
            now = self._clock.now()
            used = await signin_store.use_link(conn, secret_hash(credential.token), now=now)
            if not used or await store.count_administrators(conn):
                raise ConflictError(
                    "The setup link was used or has expired.", remedy="Restart Sallyport for a new one."
                )
            account = await accounts.insert(
                conn, kind="user", name=name, display_name=display_name, changes=self._changes, by="setup"
            )
            await signin_store.put_password(conn, account.id, phc, now=now)
            await accounts.grant(conn, role="administrator", account=account)
            return await self._sessions.insert(conn, account, passage)
