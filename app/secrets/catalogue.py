"""The catalogue as this process knows it: read, proven, opened; and the one transaction that changes it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import msgspec

from app.core.clock import Clock
from app.core.errors import ConflictError, MasterKeyError, NotFoundError, SecretError
from app.core.passage import Passage
from app.extensions import MasterKey
from app.secrets import store
from app.secrets.keyring import Keyring
from app.secrets.records import KeyRow, SecretRow
from app.secrets.redaction import Redactor
from app.secrets.snapshot import (
    Reading,
    Snapshot,
    catalogue_tag,
    fault_of,
    missing_key,
    open_all,
    problem_of,
    row_tag,
)

Moved = Callable[[Collection[str]], None]
log = logging.getLogger(__name__)


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A change under way: the connection, the rows before it, and the key that seals."""

    conn: store.Connection
    before: Reading
    master: MasterKey

    def row(self, name: str) -> SecretRow:
        """A secret that is there; NotFoundError otherwise."""
        return found(self.before, name)

    def sound(self, name: str) -> SecretRow:
        """The same, refused when it was changed behind our back: a change would make that look right."""
        row = self.row(name)
        if problem := problem_of(self.before, row, self.master):
            raise ConflictError(
                f"The secret {name} is not as Sallyport left it: {problem}.",
                remedy="Delete it, set it again with a new value, and grant it anew.",
            )
        return row


class Catalogue:
    """`snapshot` is replaced as a whole; `moved` are told which recipients have something different now."""

    def __init__(self, *, pool: store.Pool, clock: Clock, keyring: Keyring, redactor: Redactor) -> None:
        self.pool = pool
        self.clock = clock
        self.keyring = keyring
        self.redactor = redactor
        self.snapshot = Snapshot()
        self.moved: list[Moved] = []
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Before serving: everything must open; MasterKeyError says what does not."""
        reading = await self.refresh()
        if not reading.keys:
            await self.keyring.ready()
        if self.snapshot.fault:
            raise MasterKeyError(
                f"The secrets of this site are not as Sallyport left them: {self.snapshot.fault}.",
                remedy="Restore the whole database; or see `sallyport secret check`, and `secret accept` what is there.",
            )
        for name, problem in self.snapshot.problems.items():
            raise MasterKeyError(
                f"The secret {name} cannot be opened: {problem}.",
                remedy=f"Restore its row from a backup, or `sallyport secret delete {name}` and set it anew.",
            )

    async def refresh(self) -> Reading:
        """Notice what any process changed, and tell whom it concerns."""
        async with self._turn:
            reading = await self.read()
            if reading.catalogue.revision < self.snapshot.revision:
                raise SecretError(
                    "The catalogue of secrets went back in time; what was known before stays in use.",
                    remedy="Restart Sallyport after restoring a database.",
                )
            await self.keyring.load(reading.keys)
            now = await asyncio.to_thread(open_all, reading, self.keyring.find)
            before, self.snapshot = self.snapshot, now
            await asyncio.to_thread(self.redactor.know, now.known())
            if not now.fault:
                await self.keyring.forget(reading.keys)
        if moved := now.moved(before):
            log.info("secrets: something changed for %s", ", ".join(sorted(moved)))
            for tell in self.moved:
                tell(moved)
        return reading

    async def follow(self) -> None:
        """Every second, and on a hint: one small question, and a refresh when another process changed something."""
        async with store.transaction(self.pool) as conn:
            revision = (await store.catalogue(conn)).revision
        if revision != self.snapshot.revision:
            await self.refresh()

    async def read(self) -> Reading:
        """All rows as of now."""
        async with store.transaction(self.pool) as conn:
            await store.hold_still(conn)
            return await reading_of(conn)

    @asynccontextmanager
    async def begin(self, passage: Passage, action: str, *, whole: bool = True) -> AsyncIterator[Begun]:
        """The locked transaction of a passage admitted for this action; leaving it tags what was changed.

        `whole` refuses to build upon a catalogue that somebody else changed.
        """
        admitted_for(passage, action)
        async with store.change(self.pool) as (conn, revision):
            before = await reading_of(conn, revision=revision - 1)
            master = await self._sealing(conn, before, by=passage.principal.name)
            if whole:
                refuse_changed(before, master)
            yield Begun(conn=conn, before=before, master=master)
            await retag(conn, master, before)
        await self.refresh()

    async def _sealing(self, conn: store.Connection, before: Reading, *, by: str) -> MasterKey:
        """The key that seals now; the first one is entered here."""
        current = before.current_key
        if current is None:
            master = await self.keyring.fresh(before.keys)
            await store.insert_key(conn, self.key_row(master, by=by))
            return master
        await self.keyring.load(before.keys)
        master = self.keyring.find(current.id)
        if master is None:
            raise missing_key(current)
        return master

    def key_row(self, key: MasterKey, *, by: str, handover: bytes = b"") -> KeyRow:
        """A key as the database remembers it."""
        return KeyRow(
            id=key.id,
            state="current",
            source=self.keyring.source_name,
            salt=key.salt,
            handover=handover,
            created=self.clock.now(),
            created_by=by,
        )


def admitted_for(passage: Passage, action: str) -> None:
    """Refuse a passage of another action."""
    if passage.call.action != action or passage.settled:
        raise ValueError(f"a passage for {passage.call.action} cannot make the change of {action}")


def refuse_changed(before: Reading, master: MasterKey) -> None:
    """ConflictError when the catalogue is not as it was left."""
    if fault := fault_of(before, master):
        raise ConflictError(
            f"The catalogue of secrets is not as Sallyport left it: {fault}.",
            remedy="See `sallyport secret check`.",
        )


async def reading_of(conn: store.Connection, *, revision: int | None = None) -> Reading:
    """All rows; `revision` is the one that their tag is about, when a change has already bumped it."""
    catalogue = await store.catalogue(conn)
    return Reading(
        catalogue=catalogue if revision is None else msgspec.structs.replace(catalogue, revision=revision),
        keys=await store.keys(conn),
        secrets=await store.secrets(conn),
        versions=await store.versions(conn),
    )


async def retag(conn: store.Connection, master: MasterKey, before: Reading | None) -> None:
    """Tag the rows that differ from `before` (all rows without it), and the whole."""
    now = await reading_of(conn)
    old = {row.name: (row, before.versions_of(row.name)) for row in before.secrets} if before else {}
    tags: dict[str, bytes] = {}
    for row in now.secrets:
        versions = now.versions_of(row.name)
        tags[row.name] = row.tag
        if old.get(row.name) != (row, versions):
            tags[row.name] = row_tag(master, row, versions)
            await store.set_tag(conn, row.name, tags[row.name])
    await store.set_catalogue_tag(conn, catalogue_tag(master, now.catalogue.revision, now.keys, tags))


def found(reading: Reading, name: str, *, deleted: bool = False) -> SecretRow:
    """A row that is there; NotFoundError otherwise."""
    row = next((row for row in reading.secrets if row.name == name), None)
    if row is None or (row.deleted and not deleted):
        raise NotFoundError(f"There is no secret {name[:80]!r}.", remedy="See `sallyport secret list`.")
    return row
