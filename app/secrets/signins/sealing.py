"""Boxes of sign-ins: under the site's master key as secrets are, each bound to its row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from app.core.errors import BoxError, MasterKeyError
from app.core.passage import Passage
from app.extensions import MasterKey
from app.secrets import store as secrets_store
from app.secrets.box import Identity, Sealed, open_sealed, rewrap, seal
from app.secrets.catalogue import Catalogue
from app.secrets.signins import store
from app.secrets.signins.records import AttemptRow, ClientRow, SignInRow
from app.secrets.snapshot import missing_key

T = TypeVar("T")
Connection = secrets_store.Connection


def about_sign_in(server: str, principal: str, version: int) -> Identity:
    """Of tokens."""
    return Identity(name=f"{server} {principal}", version=version, purpose="upstream sign-in")


def about_attempt(state_hash: bytes, server: str, principal: str) -> Identity:
    """Of a sign-in that was begun."""
    return Identity(name=f"{server} {principal}", version=0, purpose=f"upstream attempt {state_hash.hex()}")


def about_answer(state_hash: bytes, server: str, principal: str) -> Identity:
    """Of what a browser brought back."""
    return Identity(name=f"{server} {principal}", version=1, purpose=f"upstream answer {state_hash.hex()}")


def about_client(row: ClientRow) -> Identity:
    """Of a registration."""
    return Identity(
        name=f"{row.server} {row.issuer}",
        version=0,
        purpose=f"upstream client {row.client_id} {row.redirect}",
    )


class Sealing:
    """Transactions in which the master key stays the same, so that no box is left behind by a rekey."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @asynccontextmanager
    async def writing(self, passage: Passage) -> AsyncIterator[tuple[Connection, MasterKey]]:
        """For boxes; the first one makes the site's master key, as the first secret does."""
        async with self.transaction() as conn:
            sealed_before = bool(await secrets_store.keys(conn))
        if not sealed_before:
            async with self._catalogue.begin(passage, passage.call.action):
                pass
        async with secrets_store.transaction(self._catalogue.pool) as conn:
            await secrets_store.hold_still(conn)
            yield conn, await self.master(conn)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """For what needs no key."""
        async with secrets_store.transaction(self._catalogue.pool) as conn:
            yield conn

    async def master(self, conn: Connection) -> MasterKey:
        """The key that all boxes are under at this moment; MasterKeyError when it is not here."""
        keys = await secrets_store.keys(conn)
        current = next((key for key in keys if key.state == "current"), None)
        if current is None:
            raise MasterKeyError("The site has no master key.", remedy="Restore a backup.")
        held = self._catalogue.keyring.find(current.id)
        if held is None:
            await self._catalogue.keyring.load(keys)
            held = self._catalogue.keyring.find(current.id)
        if held is None:
            raise missing_key(current)
        return held


def sealed(master: MasterKey, identity: Identity, value: msgspec.Struct) -> Sealed:
    """A value in its boxes."""
    return seal(master, identity, msgspec.json.encode(value))


def opened(master: MasterKey, identity: Identity, boxes: Sealed, type_: type[T]) -> T:
    """What is in them; BoxError when they belong elsewhere."""
    return msgspec.json.decode(open_sealed(master, identity, boxes), type=type_)


async def rewrap_all(conn: Connection, old: MasterKey, new: MasterKey) -> int:
    """New boxes for all data keys of sign-ins, inside the transaction of a rekey; what does not open is let go."""
    count = 0
    for row in await store.sign_ins(conn):
        if row.state == "signed in":
            count += await _rewrap_sign_in(conn, row, old, new)
    for attempt in await store.attempts(conn):
        count += await _rewrap_attempt(conn, attempt, old, new)
    for client in await store.clients(conn):
        try:
            await store.set_client_key(conn, client, rewrap(old, new, about_client(client), client.wrapped))
            count += 1
        except BoxError:
            await store.delete_client(conn, client.server, client.issuer, client.client_id)
    return count


async def _rewrap_sign_in(conn: Connection, row: SignInRow, old: MasterKey, new: MasterKey) -> int:
    identity = about_sign_in(row.server, row.principal, row.version)
    try:
        await store.set_sign_in_key(conn, row.server, row.principal, rewrap(old, new, identity, row.wrapped))
    except BoxError as error:
        await store.end_sign_in(
            conn, row.server, row.principal, row.version, problem=error.message, now=row.changed
        )
        return 0
    return 1


async def _rewrap_attempt(conn: Connection, row: AttemptRow, old: MasterKey, new: MasterKey) -> int:
    where = (row.state_hash, row.server, row.principal)
    try:
        wrapped = rewrap(old, new, about_attempt(*where), row.wrapped)
        answer = rewrap(old, new, about_answer(*where), row.answer_wrapped) if row.answer else b""
        await store.set_attempt_keys(conn, row.state_hash, wrapped, answer)
    except BoxError:
        await store.delete_attempt(conn, row.state_hash)
        return 0
    return 1
