"""Passwords: Argon2id (RFC 9106) in PHC form, a lock after failures, the same work whether a name exists or not."""

import asyncio
import hashlib
import os
import unicodedata
from datetime import timedelta

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.config.schema import Identity as Settings
from app.core.call import PasswordCredential
from app.core.clock import Clock
from app.core.errors import InputError
from app.core.principal import Principal, rejected
from app.core.verdict import BAD_CREDENTIAL, DISABLED, TOO_MANY
from app.identity import store
from app.identity.signin import store as signin_store

MEMORY_KIB, ITERATIONS, LANES = 19_456, 2, 1
"""OWASP's setting for Argon2id: 19 MiB, so that an idle site of 100 MB can verify two at a time."""

DECOY = f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${'A' * 22}${'A' * 43}"
"""A hash of no known password, verified when the name is unknown."""

_AT_ONCE = 2
_WAITING = 64
_MAX_BYTES = 1024


def checked_password(password: str, *, name: str) -> str:
    """The password, or an InputError that never repeats it."""
    plain = _normal(password)
    if len(plain) < 12:
        problem = "The password is shorter than 12 characters."
    elif len(plain.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        problem = f"The password is longer than {_MAX_BYTES} bytes."
    elif plain.casefold() == name.casefold() or plain.casefold().replace(name.casefold(), "") == "":
        problem = "The password is the name."
    elif len(set(plain)) < 4:
        problem = "The password repeats fewer than four characters."
    else:
        return password
    raise InputError(
        problem, remedy="Choose 12 characters or more that nobody would guess.", code="weak_password"
    )


def name_hash(name: str) -> bytes:
    """What failures are counted under: a mistyped field may hold a password, so the text is not kept."""
    return hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).digest()


def fingerprint(phc: str) -> str:
    """Which of an account's passwords it was: in the record, and to notice that it was replaced meanwhile."""
    return hashlib.sha256(phc.encode()).hexdigest()[:16]


class Passwords:
    """Hashes and verifies in threads, two at a time; more than 64 waiting are refused."""

    def __init__(self, *, pool: store.Pool, clock: Clock, settings: Settings) -> None:
        self._pool = pool
        self._clock = clock
        self._limit = settings.lockout_failures
        self._window = timedelta(seconds=settings.lockout_seconds)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._queued = 0
        self.derivations = 0
        """Argon2 computations so far: the work that answers cost."""

    async def hashed(self, password: str) -> str:
        """A PHC string with a fresh salt."""
        self.derivations += 1
        async with self._turns:
            return await asyncio.to_thread(_hash, password)

    def cached(self, credential: PasswordCredential) -> None:
        """Passwords are proven each time."""

    def known(self, credential: PasswordCredential) -> bool:
        """Never."""
        return False

    async def verify(self, credential: PasswordCredential) -> Principal:
        """The user, or nobody with a reason that does not tell whether the name exists."""
        name, now = credential.name.lower(), self._clock.now()
        if self._queued >= _WAITING or len(credential.password) > _MAX_BYTES:
            return rejected(TOO_MANY if self._queued >= _WAITING else BAD_CREDENTIAL)
        async with store.transaction(self._pool) as conn:
            if not await signin_store.claim_attempt(
                conn, name_hash(name), now=now, limit=self._limit, window=self._window
            ):
                return rejected(TOO_MANY)
            stored = await signin_store.password(conn, _storable(name))
        phc = stored.phc if stored else DECOY
        if not await self._matches(credential.password, phc):
            return rejected(BAD_CREDENTIAL)
        return await self._signed_in(name, fingerprint(phc))

    async def _signed_in(self, name: str, credential_id: str) -> Principal:
        async with store.transaction(self._pool) as conn:
            await signin_store.clear_attempts(conn, name_hash(name))
            account = await store.account(conn, name)
        if account is None or account.state == "deleted":
            return rejected(BAD_CREDENTIAL)
        if account.state != "active":
            return rejected(DISABLED)
        return account.principal(credential_kind="password", credential_id=credential_id)

    async def _matches(self, password: str, phc: str) -> bool:
        self.derivations += 1
        self._queued += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(_verify, password, phc)
        finally:
            self._queued -= 1

    async def prune(self) -> None:
        """Forget failures that no longer count."""
        async with store.transaction(self._pool) as conn:
            await signin_store.prune_attempts(conn, before=self._clock.now() - self._window)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _storable(name: str) -> str:
    return "" if "\x00" in name or not name.isprintable() else name


def _hash(password: str) -> str:
    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
    return kdf.derive_phc_encoded(_normal(password).encode("utf-8", "surrogatepass"))


def _verify(password: str, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_normal(password).encode("utf-8", "surrogatepass"), phc)
    except InvalidKey:
        return False
    return True
