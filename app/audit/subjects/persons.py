"""Whose values a row holds, and the keys they are sealed with: known persons without asking the database."""

import os
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.audit.subjects import store
from app.audit.subjects.site_key import SiteKey
from app.core.call import Call
from app.core.clock import Clock
from app.core.errors import ConfigError, DatabaseError, RecordUnavailableError
from app.core.ids import uuid7
from app.core.principal import Principal

CACHED = 8192
"""Persons whose keys are held in memory at most."""
TRUSTED_FOR = 30.0
"""Seconds without a look at the database after which no key in memory is used."""
ERASE = "admin.subject.erase"
_LOOK_BACK = 3600.0
_NAME = 256
_ARGUMENTS = ("account", "owner", "user", "member")
"""Arguments of administrative calls that name an account."""


class Subject(msgspec.Struct, frozen=True):
    """A person as the record knows them, with the key that seals their values."""

    id: str
    name: str
    key: AESGCM


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """Whose values a row holds: the one who asks, and the one it is about. None: nobody whose values are sealed.

    `named` says that the name of the resource is the name of `about`.
    """

    actor: Subject | None = None
    about: Subject | None = None
    named: bool = False


NOBODY = Owners()


class Persons:
    """The keys of persons. `known` never waits; `find` asks the database, and makes who is new."""

    def __init__(self, *, pool: store.Pool, clock: Clock, site_key: SiteKey) -> None:
        self._pool = pool
        self._clock = clock
        self._site_key = site_key
        self._cache: dict[str, Subject] = {}
        self._trusted_until = clock.monotonic() + TRUSTED_FOR

    @property
    def key_id(self) -> str:
        """Which site key wraps the keys."""
        return self._site_key.id

    def known(self, principal: Principal, call: Call) -> Owners | None:
        """Whose values the rows of this call hold, if that is known without asking."""
        about = _about(call)
        if principal.kind != "user":
            return NOBODY if not about else None
        if about or self._clock.monotonic() > self._trusted_until:
            return None
        actor = self._cache.get(principal.name)
        return Owners(actor=actor) if actor is not None else None

    async def find(self, principal: Principal, call: Call) -> Owners:
        """The same with the database; RecordUnavailableError when it cannot be known, or the person was erased."""
        name, named = _named(call)
        try:
            actor = None
            if principal.kind == "user":
                actor = await self._subject(principal.name, account=principal.id, create=True)
            about = None
            if name:
                about = await self._subject(
                    name, create=named and not principal.anonymous and call.action != ERASE
                )
        except DatabaseError as error:
            raise RecordUnavailableError(f"Whose call this is cannot be written: {error.message}") from error
        return Owners(actor=actor, about=about, named=named)

    async def opened(self, subjects: Collection[UUID]) -> dict[UUID, Subject | None]:
        """Subjects with their keys, to read with; None for who was erased. Who is missing cannot be opened here."""
        if not subjects:
            return {}
        async with store.transaction(self._pool) as conn:
            rows = await store.by_ids(conn, list(subjects))
        found: dict[UUID, Subject | None] = {row.subject: None for row in rows if row.key is None}
        found |= {row.subject: subject for row in rows if (subject := self._unwrapped(row)) is not None}
        return found

    async def refresh(self) -> None:
        """Every second, and when told: forget who was erased."""
        asked = self._clock.monotonic()
        async with store.transaction(self._pool) as conn:
            erased = await store.erased_since(conn, _LOOK_BACK)
        if asked > self._trusted_until:
            self._cache = {}
        self.forget(erased)
        self._trusted_until = asked + TRUSTED_FOR

    def forget(self, subjects: Collection[UUID]) -> None:
        """Drop the keys of these persons from memory."""
        gone = {str(subject) for subject in subjects}
        if gone:
            self._cache = {name: held for name, held in self._cache.items() if held.id not in gone}

    async def _subject(self, name: str, *, create: bool, account: str = "") -> Subject | None:
        name = name[:_NAME].replace("\x00", "\u2400").encode("utf-8", "replace").decode()
        now = self._clock.monotonic()
        if now > self._trusted_until:
            self._cache, self._trusted_until = {}, now + TRUSTED_FOR
        if held := self._cache.get(name):
            return held
        async with store.transaction(self._pool) as conn:
            row = await store.by_name(conn, name)
            if row is None and create:
                await store.insert(conn, self._new(name, account))
                row = await store.by_name(conn, name)
        if row is None:
            if create:
                raise RecordUnavailableError("This person was erased from the record; the call is refused.")
            return None
        subject = self._unwrapped(row)
        if subject is None:
            raise RecordUnavailableError("This node does not hold the key that seals persons' values.")
        if len(self._cache) >= CACHED:
            self._cache.pop(next(iter(self._cache)), None)
        self._cache[name] = subject
        return subject

    def _new(self, name: str, account: str) -> store.Stored:
        subject = uuid7()
        return store.Stored(
            subject=subject,
            account=account,
            name=name,
            key=self._site_key.wrap(os.urandom(32), subject=subject),
            key_id=self._site_key.id,
            created=self._clock.now(),
            erased=None,
        )

    def _unwrapped(self, row: store.Stored) -> Subject | None:
        key = self._site_key.unwrap(row.key, subject=row.subject) if row.key is not None else None
        return None if key is None else Subject(str(row.subject), row.name or "", AESGCM(key))


async def site_key_for(pool: store.Pool, held: SiteKey | None, make: Callable[[], SiteKey]) -> SiteKey:
    """The key this site seals with, made at the first start; ConfigError when another one sealed what is there."""
    async with store.transaction(pool) as conn:
        used = await store.newest_key_id(conn)
    if held is None and used is None:
        held = make()
    if held is None or used not in (None, held.id):
        raise ConfigError(
            "The persons in this database's record are sealed under another key than this node's.",
            remedy="Copy keys/record/subjects from the data folder of another node or from a backup, or set"
            " record.subjects_key; see `sallyport help erasure`.",
        )
    return held


def _about(call: Call) -> bool:
    """Whether a call may be about a person."""
    return call.resource.kind == "user" or (call.action.startswith("admin.") and bool(call.arguments))


def _named(call: Call) -> tuple[str, bool]:
    """Who a call is about, by name, and whether that is the name of its resource."""
    if call.resource.kind == "user" and call.resource.name not in ("", "*"):
        return call.resource.name, True
    if call.action.startswith("admin."):
        values: list[Any] = [(call.arguments or {}).get(name) for name in _ARGUMENTS]
        for value in values:
            if isinstance(value, str) and value:
                return value, False
    return "", False
