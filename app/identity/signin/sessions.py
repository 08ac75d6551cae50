"""Console sessions: begun by a password or a one-time link, ended by idleness, age, or anybody who may."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.config.schema import Identity as Settings
from app.core.call import PasswordCredential, SessionCookie, SetupToken
from app.core.clock import Clock
from app.core.errors import ConflictError, NotFoundError
from app.core.ids import uuid7
from app.core.passage import Passage
from app.core.principal import Principal, rejected
from app.core.verdict import BAD_CREDENTIAL, DISABLED, EXPIRED_CREDENTIAL
from app.identity import store
from app.identity.change import Changes
from app.identity.records import Account
from app.identity.signin import store as signin_store
from app.identity.signin.passwords import fingerprint
from app.identity.signin.store import StoredSession
from app.identity.signin.tokens import is_plain_token, mint_session_token, secret_hash
from app.identity.signin.verified import BELIEVED_FOR, VerifiedCache


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session in the only moment in which its token can be seen."""

    token: str
    session: StoredSession


class Sessions:
    """Verifies session cookies and changes sessions."""

    def __init__(self, *, changes: Changes, cache: VerifiedCache, settings: Settings) -> None:
        self._changes = changes
        self._pool = changes.pool
        self._clock: Clock = changes.clock
        self._cache = cache
        self._idle = timedelta(seconds=settings.session_idle)
        self._absolute = timedelta(seconds=settings.session_absolute)
        self._used: dict[UUID, datetime] = {}

    async def begin(self, passage: Passage) -> NewSession:
        """A session for whoever just proved a password or one-time link; a link is used up by it."""
        credential = passage.call.credential
        if passage.call.action != "session.create" or passage.settled:
            raise ValueError(f"a passage for {passage.call.action} cannot begin a session")
        if not isinstance(credential, PasswordCredential | SetupToken):
            raise ConflictError(
                "This credential cannot begin a session.", remedy="Sign in with name and password."
            )
        async with store.transaction(self._pool) as conn:
            # Against a disabling or a new password between the proof and this moment.
            await store.hold_still(conn)
            if not await self._still_proven(conn, passage):
                raise ConflictError(
                    "This credential was used, replaced or has expired.", remedy="Sign in again."
                )
            account = await store.account(conn, passage.principal.name)
            if account is None or account.state != "active" or str(account.id) != passage.principal.id:
                raise ConflictError("This account cannot sign in.", remedy="Ask an administrator.")
            return await self.insert(conn, account, passage)

    async def _still_proven(self, conn: store.Connection, passage: Passage) -> bool:
        credential = passage.call.credential
        if isinstance(credential, SetupToken):
            return await signin_store.use_link(conn, secret_hash(credential.token), now=self._clock.now())
        stored = await signin_store.password(conn, passage.principal.name)
        return stored is not None and fingerprint(stored.phc) == passage.principal.credential_id

    async def insert(self, conn: store.Connection, account: Account, passage: Passage) -> NewSession:
        """A session inside the caller's transaction."""
        now, token = self._clock.now(), mint_session_token()
        session = StoredSession(
            id=uuid7(),
            account=account.name,
            created=now,
            last_used=now,
            expires=now + self._absolute,
            address=passage.call.address[:64],
            client=passage.call.client[:200].replace("\x00", ""),
        )
        await signin_store.insert_session(conn, session, principal=account.id, hashed=secret_hash(token))
        return NewSession(token=token, session=session)

    def cached(self, credential: SessionCookie) -> Principal | None:
        """Whose session this is, without a look at the database."""
        principal = self._cache.get(secret_hash(credential.token))
        if principal is None:
            return None
        id_, now = UUID(principal.session), self._clock.now()
        # Not in here means flushed: the database then knows when it was used last.
        if id_ not in self._used or self._used[id_] + self._idle <= now:
            return None
        self._used[id_] = now
        return principal

    def known(self, credential: SessionCookie) -> bool:
        """Whether it was good when last looked up."""
        return self._cache.known(secret_hash(credential.token))

    async def verify(self, credential: SessionCookie) -> Principal:
        """Whose session this is, from the database; expired after idleness or age."""
        if not is_plain_token(credential.token, "ss"):
            return rejected(BAD_CREDENTIAL)
        epoch, hashed, now = self._cache.epoch, secret_hash(credential.token), self._clock.now()
        async with store.transaction(self._pool) as conn:
            session = await signin_store.session(conn, hashed)
            account = await store.account(conn, session.account) if session else None
        failure = self._failure(session, account, now=now)
        if failure or session is None or account is None:
            self._cache.drop(hashed)
            return rejected(failure or BAD_CREDENTIAL)
        principal = account.principal(
            credential_kind="session", credential_id=str(session.id), session=str(session.id)
        )
        seconds = min((session.expires - now).total_seconds(), BELIEVED_FOR)
        self._cache.put(hashed, principal, epoch=epoch, seconds=seconds)
        self._used[session.id] = now
        return principal

    def _failure(self, session: StoredSession | None, account: Account | None, *, now: datetime) -> str:
        if session is None or account is None:
            return BAD_CREDENTIAL
        last_used = max(session.last_used, self._used.get(session.id, session.last_used))
        if session.expires <= now or last_used + self._idle <= now:
            return EXPIRED_CREDENTIAL
        return "" if account.state == "active" else DISABLED

    async def end(self, passage: Passage, session: str) -> None:
        """End a session now, on all nodes: one's own by `session.end`, anybody's by `admin.session.end`."""
        async with self._changes.begin(passage, "session.end", "admin.session.end") as conn:
            own = passage.principal.name if passage.call.action == "session.end" else None
            id_ = _id(session)
            if id_ is None or not await signin_store.end_session(conn, id_, account=own):
                raise _ended(session)

    async def end_all(self, passage: Passage, account: str) -> None:
        """End all sessions of an account, and its unused sign-in links."""
        async with self._changes.begin(passage, "admin.session.end") as conn:
            found = await store.account(conn, account)
            if found is None:
                raise NotFoundError(
                    f"There is no account {account[:80]!r}.", remedy="See `sallyport user list`."
                )
            await signin_store.end_sessions(conn, found.id)

    async def list_all(self, *, account: str | None = None) -> list[StoredSession]:
        """Sessions that work, newest first."""
        now = self._clock.now()
        async with store.transaction(self._pool) as conn:
            return await signin_store.sessions(conn, account=account, idle_since=now - self._idle, now=now)

    async def flush(self) -> None:
        """Write down when sessions were used; a failure keeps that for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with store.transaction(self._pool) as conn:
                await signin_store.touch_sessions(conn, list(used), list(used.values()))
        except BaseException:
            self._used = {**used, **self._used}
            raise

    async def prune(self) -> None:
        """Remove sessions that no longer work."""
        now = self._clock.now()
        async with store.transaction(self._pool) as conn:
            await signin_store.prune_sessions(conn, idle_since=now - self._idle, now=now)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _ended(session: str) -> NotFoundError:
    return NotFoundError(f"There is no session {session[:36]!r}.", remedy="It has ended already.")
