"""The vault of sign-ins: tokens of each server and principal, leased to the one that renews them."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from app.core.clock import Clock
from app.core.errors import BoxError, ConflictError, InputError
from app.core.passage import Passage
from app.secrets.box import Sealed
from app.secrets.catalogue import Catalogue
from app.secrets.signins import store
from app.secrets.signins.records import Attempt, AttemptRow, Client, ClientRow, Grant, Held, SignInRow, Via
from app.secrets.signins.sealing import (
    Sealing,
    about_answer,
    about_attempt,
    about_client,
    about_sign_in,
    opened,
    sealed,
)

BELIEVED_FOR = 1.0
"""Seconds for which a sign-in is taken as read; another node's sign-out is noticed after them."""
LEASE = timedelta(seconds=30)
LASTS = timedelta(minutes=10)
"""How long a sign-in that was begun may take."""
MOST_BEGUN = 20
"""Sign-ins that one principal may have under way."""
_REMEMBERED = 4096


class Vault:
    """Nothing here asks whether somebody may: its callers hold a passage."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._sealing = Sealing(catalogue)
        self._clock: Clock = catalogue.clock
        self._seen: OrderedDict[tuple[str, str], tuple[float, Held | None]] = OrderedDict()

    # --- sign-ins

    async def find(self, server: str, principal: str, *, fresh: bool = False) -> Held | None:
        """The tokens, if there are any; BoxError when somebody else changed the row."""
        key, now = (server, principal), self._clock.monotonic()
        seen = self._seen.get(key)
        if seen is not None and not fresh and now - seen[0] < BELIEVED_FOR:
            return seen[1]
        held: Held | None = None
        async with self._sealing.transaction() as conn:
            row = await store.sign_in(conn, server, principal)
            if row is not None and row.state == "signed in":
                master = await self._sealing.master(conn)
                boxes = Sealed(wrapped=row.wrapped, value=row.value)
                identity = about_sign_in(server, principal, row.version)
                held = Held(row=row, grant=opened(master, identity, boxes, Grant))
        self._remember(key, held, at=now)
        return held

    def _remember(self, key: tuple[str, str], held: Held | None, *, at: float) -> None:
        self._seen[key] = (at, held)
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    async def row(self, server: str, principal: str) -> SignInRow | None:
        """How a sign-in stands."""
        async with self._sealing.transaction() as conn:
            return await store.sign_in(conn, server, principal)

    async def rows(self) -> Sequence[SignInRow]:
        """All of them."""
        async with self._sealing.transaction() as conn:
            return await store.sign_ins(conn)

    async def keep(
        self,
        passage: Passage,
        row: SignInRow,
        grant: Grant,
        *,
        renewed: int | None = None,
    ) -> Held:
        """Store tokens before anybody uses them; `renewed` is the version that they come from.

        ConflictError when that version was ended meanwhile: then they are not kept.
        """
        key = (row.server, row.principal)
        async with self._sealing.writing(passage) as (conn, master):
            version = await store.next_version(conn, *key)
            if renewed is not None and version != renewed + 1:
                raise ConflictError("The sign-in was ended or replaced meanwhile.", remedy="Sign in again.")
            boxes = sealed(master, about_sign_in(*key, version), grant)
            row = msgspec.structs.replace(row, version=version, wrapped=boxes.wrapped, value=boxes.value)
            await store.put_sign_in(conn, row)
        held = Held(row=row, grant=grant)
        self._remember(key, held, at=self._clock.monotonic())
        return held

    async def lease(self, row: SignInRow) -> bool:
        """Whether we are the one, among all nodes, that renews this version now."""
        now = self._clock.now()
        async with self._sealing.transaction() as conn:
            return await store.lease(conn, row.server, row.principal, row.version, now=now, until=now + LEASE)

    async def end_lease(self, row: SignInRow) -> None:
        """It failed: the next one may try."""
        async with self._sealing.transaction() as conn:
            await store.end_lease(conn, row.server, row.principal, row.version)

    async def end(self, row: SignInRow, *, problem: str = "") -> bool:
        """Destroy the tokens of this version; False when there is another by now."""
        async with self._sealing.transaction() as conn:
            ended = await store.end_sign_in(
                conn, row.server, row.principal, row.version, problem=problem[:500], now=self._clock.now()
            )
        self._seen.pop((row.server, row.principal), None)
        return ended

    async def want(self, row: SignInRow, scopes: Sequence[str]) -> None:
        """The next sign-in asks for these too."""
        async with self._sealing.transaction() as conn:
            await store.set_wanted(conn, row.server, row.principal, scopes)

    # --- sign-ins that were begun

    async def begin(
        self, passage: Passage, state: str, attempt: Attempt, *, principal: str, via: Via
    ) -> datetime:
        """Keep what completing will need; returns until when."""
        now = self._clock.now()
        digest = state_hash(state)
        async with self._sealing.writing(passage) as (conn, master):
            if await store.attempts_of(conn, principal, now=now) >= MOST_BEGUN:
                raise ConflictError(
                    f"{MOST_BEGUN} sign-ins are under way already.",
                    remedy="Finish one, or wait ten minutes.",
                )
            boxes = sealed(master, about_attempt(digest, attempt.server, principal), attempt)
            row = AttemptRow(
                state_hash=digest, server=attempt.server, principal=principal, via=via,
                session=passage.principal.session, expires=now + LASTS, wrapped=boxes.wrapped, value=boxes.value,
                answer_wrapped=b"", answer=b"",
            )  # fmt: skip
            await store.insert_attempt(conn, row, now=now)
        return now + LASTS

    async def begun(self, state: str) -> AttemptRow | None:
        """A sign-in that is under way and not too old."""
        async with self._sealing.transaction() as conn:
            row = await store.attempt(conn, state_hash(state))
        return row if row is not None and row.expires >= self._clock.now() else None

    async def use(self, row: AttemptRow) -> Attempt:
        """Use it up; InputError when somebody else did a moment before."""
        async with self._sealing.transaction() as conn:
            boxes = Sealed(wrapped=row.wrapped, value=row.value)
            identity = about_attempt(row.state_hash, row.server, row.principal)
            attempt = opened(await self._sealing.master(conn), identity, boxes, Attempt)
            if not await store.delete_attempt(conn, row.state_hash):
                raise InputError("This sign-in was completed already.", remedy="Begin again.")
        return attempt

    async def park(self, row: AttemptRow, answer: Mapping[str, str]) -> bool:
        """Keep what a browser brought for the command that waits; the first answer stays."""
        async with self._sealing.transaction() as conn:
            identity = about_answer(row.state_hash, row.server, row.principal)
            boxes = sealed(await self._sealing.master(conn), identity, _Answer(fields=dict(answer)))
            return await store.set_answer(conn, row.state_hash, boxes)

    async def parked(self, state: str) -> dict[str, str] | None:
        """What a browser brought for this sign-in; None while it has not, InputError when it is too late."""
        row = await self.begun(state)
        if row is None:
            raise InputError("Nobody came back in time, or the sign-in is over.", remedy="Begin again.")
        if not row.answer:
            return None
        async with self._sealing.transaction() as conn:
            boxes = Sealed(wrapped=row.answer_wrapped, value=row.answer)
            identity = about_answer(row.state_hash, row.server, row.principal)
            return opened(await self._sealing.master(conn), identity, boxes, _Answer).fields

    # --- registrations

    async def client(self, server: str, issuer: str, redirect: str) -> Client | None:
        """What we are registered as there, while it holds."""
        async with self._sealing.transaction() as conn:
            row = await store.client(conn, server, issuer, redirect)
            if row is None:
                return None
            try:
                boxes = Sealed(wrapped=row.wrapped, value=row.value)
                found = opened(await self._sealing.master(conn), about_client(row), boxes, Client)
            except BoxError:
                return None  # it is registered anew
        return found if not found.expires or found.expires > self._clock.now().timestamp() + 60 else None

    async def keep_client(
        self, passage: Passage, server: str, issuer: str, redirect: str, client: Client
    ) -> None:
        """Remember a registration."""
        row = ClientRow(
            server=server, issuer=issuer, redirect=redirect, client_id=client.id, wrapped=b"", value=b""
        )
        async with self._sealing.writing(passage) as (conn, master):
            boxes = sealed(master, about_client(row), client)
            row = msgspec.structs.replace(row, wrapped=boxes.wrapped, value=boxes.value)
            await store.put_client(conn, row, now=self._clock.now())

    async def forget_client(self, server: str, issuer: str, client_id: str) -> None:
        """It is not known there any more."""
        async with self._sealing.transaction() as conn:
            await store.delete_client(conn, server, issuer, client_id)


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    fields: dict[str, str]


def state_hash(state: str) -> bytes:
    """What stands in the database for a state."""
    return hashlib.sha256(state.encode("utf-8", "replace")).digest()
