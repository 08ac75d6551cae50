"""API keys as bearer tokens: found by prefix, compared in constant time, cached until something changes."""

import hmac
from datetime import datetime

import msgspec

from app.core.clock import Clock
from app.core.principal import Principal, rejected
from app.core.verdict import BAD_CREDENTIAL, DISABLED, EXPIRED_CREDENTIAL
from app.identity import store
from app.identity.records import Account
from app.identity.signin import store as signin_store
from app.identity.signin.tokens import api_key_prefix, secret_hash
from app.identity.signin.verified import BELIEVED_FOR, VerifiedCache

_NO_HASH = bytes(32)


class ApiKeyVerifier:
    """A TokenVerifier for `sp_…` keys."""

    def __init__(self, *, pool: store.Pool, clock: Clock, cache: VerifiedCache) -> None:
        self._pool = pool
        self._clock = clock
        self._cache = cache
        self._used: set[str] = set()

    def recognises(self, token: str) -> bool:
        """Whether the token claims to be one of ours."""
        return token.startswith("sp_")

    def cached(self, token: str) -> Principal | None:
        """Who this is, without a look at the database."""
        principal = self._cache.get(secret_hash(token))
        if principal is not None:
            self._used.add(principal.credential_id)
        return principal

    def known(self, token: str) -> bool:
        """Whether it was good when last looked up."""
        return self._cache.known(secret_hash(token))

    async def verify(self, token: str) -> Principal:
        """Who this is, from the database."""
        prefix = api_key_prefix(token)
        if prefix is None:
            return rejected(BAD_CREDENTIAL)
        epoch, hashed = self._cache.epoch, secret_hash(token)
        async with store.transaction(self._pool) as conn:
            key = await signin_store.stored_key(conn, prefix)
            owner = await store.account(conn, key.owner) if key else None
        if key is not None:
            # A key made on another node a moment ago brings news of the budgets that it was made with.
            self._cache.seen(key.version)
        now = self._clock.now()
        failure = _failure(key, owner, hashed, now=now)
        if failure or key is None or owner is None:
            self._cache.drop(hashed)
            return rejected(failure or BAD_CREDENTIAL)
        principal = msgspec.structs.replace(
            owner.principal(credential_kind="api_key", credential_id=prefix),
            scopes=key.scopes,
        )
        seconds = (key.expires - now).total_seconds() if key.expires else BELIEVED_FOR
        self._cache.put(hashed, principal, epoch=epoch, seconds=seconds)
        self._used.add(prefix)
        return principal

    async def flush(self) -> None:
        """Write down which keys were used; a failure keeps them for the next time."""
        used, self._used = self._used, set()
        if not used:
            return
        try:
            async with store.transaction(self._pool) as conn:
                await signin_store.touch_keys(conn, sorted(used), now=self._clock.now())
        except BaseException:
            self._used |= used
            raise


def _failure(
    key: signin_store.StoredKey | None, owner: Account | None, hashed: bytes, *, now: datetime
) -> str:
    """Why the key is refused; only who knows the secret learns more than that it is bad."""
    if not hmac.compare_digest(key.secret_hash if key else _NO_HASH, hashed) or key is None or owner is None:
        return BAD_CREDENTIAL
    if key.state != "active" or owner.state != "active":
        return DISABLED
    if key.expires is not None and key.expires <= now:
        return EXPIRED_CREDENTIAL
    return ""
