"""The room put together: what the server, the command line, the API and tests hold."""

import asyncio
import os
from collections.abc import Callable, Mapping

from app.core.clock import Clock
from app.core.errors import ConflictError, MasterKeyError, NotFoundError
from app.core.passage import Passage
from app.secrets import rekey, store
from app.secrets.box import Random, key_of, seal
from app.secrets.broker import Broker
from app.secrets.catalogue import Begun, Catalogue, found, reading_of
from app.secrets.keyring import Keyring
from app.secrets.names import MOST, checked_name, checked_purpose, checked_recipient, checked_value
from app.secrets.records import (
    KeyRow,
    MasterKeyState,
    Rekeyed,
    SecretRow,
    SecretsCheck,
    SecretVersion,
    StoredSecret,
    VersionRow,
)
from app.secrets.redaction import Redactor
from app.secrets.signins import Vault
from app.secrets.snapshot import Reading, Snapshot, open_all, problem_of


class Secrets:
    """Actions are `admin.secret.…`. `declared` says at any moment which recipients of the profile name which secret."""

    def __init__(
        self,
        *,
        pool: store.Pool,
        clock: Clock,
        keyring: Keyring,
        redactor: Redactor,
        declared: Callable[[], Mapping[str, tuple[str, ...]]] = dict,
        random: Random = os.urandom,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._random = random
        self._declared = declared
        self.redactor = redactor
        self.catalogue = Catalogue(pool=pool, clock=clock, keyring=keyring, redactor=redactor)
        self.broker = Broker(lambda: self.catalogue.snapshot)
        self.sign_ins = Vault(self.catalogue)

    # --- reading

    async def list_all(self) -> list[StoredSecret]:
        """Every secret by name, without values."""
        return self._shown(await self.catalogue.refresh())

    async def show(self, name: str) -> StoredSecret:
        """One secret without its value; NotFoundError when there is none."""
        reading = await self.catalogue.refresh()
        row = found(reading, name)
        return next(shown for shown in self._shown(reading) if shown.name == row.name)

    async def history(self, name: str) -> list[SecretVersion]:
        """The versions of a secret, the newest first."""
        async with store.transaction(self._pool) as conn:
            row = found(await reading_of(conn), name, deleted=True)
            versions = await store.versions_of(conn, name)
        return [version_shown(row, version) for version in versions]

    async def check(self) -> SecretsCheck:
        """Open everything and prove the catalogue."""
        reading = await self.catalogue.read()
        await self.catalogue.keyring.load(reading.keys)
        try:
            now = await asyncio.to_thread(open_all, reading, self.catalogue.keyring.find)
        except MasterKeyError as error:
            now = Snapshot(fault=error.message.rstrip("."))
        problems = [now.fault] if now.fault else []
        problems += [f"{name}: {problem}" for name, problem in now.problems.items()]
        return SecretsCheck(
            secrets=sum(not row.deleted for row in reading.secrets),
            versions=len(reading.versions),
            keys=tuple(self._key_shown(key) for key in reading.keys),
            problems=tuple(problems),
        )

    def _shown(self, reading: Reading) -> list[StoredSecret]:
        declared = self._declared()
        newest = {(version.name, version.version): version for version in reading.versions}
        shown: list[StoredSecret] = []
        for row in reading.secrets:
            if row.deleted:
                continue
            version = newest.get((row.name, row.version))
            shown.append(
                StoredSecret(
                    name=row.name,
                    purpose=row.purpose,
                    version=row.version,
                    created=row.created,
                    created_by=row.created_by,
                    changed=version.created if version else row.created,
                    changed_by=version.created_by if version else "",
                    recipients=row.recipients,
                    used_by=declared.get(row.name, ()),
                    problem=self.catalogue.snapshot.fault
                    or self.catalogue.snapshot.problems.get(row.name, ""),
                )
            )
        return shown

    def _key_shown(self, row: KeyRow) -> MasterKeyState:
        return MasterKeyState(
            id=row.id,
            state=row.state,
            source=row.source,
            created=row.created,
            created_by=row.created_by,
            here=self.catalogue.keyring.find(row.id) is not None,
        )

    # --- changing

    async def set(self, passage: Passage, name: str, value: bytes, *, purpose: str = "") -> StoredSecret:
        """A new secret; nobody is given it yet."""
        checked_name(name)
        checked_value(value)
        checked_purpose(purpose)
        async with self.catalogue.begin(passage, "admin.secret.set") as begun:
            row = next((row for row in begun.before.secrets if row.name == name), None)
            if row is not None and not row.deleted:
                raise ConflictError(
                    f"There is a secret {name} already.", remedy=f"`sallyport secret rotate {name}`."
                )
            if row is None and len(begun.before.secrets) >= MOST:
                raise ConflictError(f"A site has {MOST} secrets at most.", remedy="Delete some.")
            version = (row.version if row else 0) + 1
            now, by = self._clock.now(), passage.principal.name
            await store.insert_secret(begun.conn, name, purpose=purpose, version=version, now=now, by=by)
            await self._insert(passage, begun, VersionRow(
                name=name, version=version, wrapped=b"", value=b"", created=now, created_by=by
            ), purpose, value)  # fmt: skip
        return await self.show(name)

    async def rotate(self, passage: Passage, name: str, value: bytes) -> StoredSecret:
        """A new value for a secret; whoever uses it is given it within seconds, the one before is kept sealed."""
        checked_value(value)
        async with self.catalogue.begin(passage, "admin.secret.rotate") as begun:
            row = begun.sound(name)
            version = row.version + 1
            now, by = self._clock.now(), passage.principal.name
            await store.set_version(begun.conn, name, version)
            await store.destroy_versions(begun.conn, name, version - 1)
            await self._insert(passage, begun, VersionRow(
                name=name, version=version, wrapped=b"", value=b"", created=now, created_by=by
            ), row.purpose, value)  # fmt: skip
        return await self.show(name)

    async def _insert(
        self, passage: Passage, begun: Begun, row: VersionRow, purpose: str, value: bytes
    ) -> None:
        sealed = seal(begun.master, row.identity(purpose), value, random=self._random)
        await store.insert_version(
            begun.conn, row.name, row.version, sealed, now=row.created, by=row.created_by
        )
        passage.note(result={"version": row.version, "key": begun.master.id})

    async def grant(self, passage: Passage, name: str, recipient: str) -> StoredSecret:
        """Let a server or provider have it, once its entry in the profile declares it too."""
        checked_recipient(recipient)
        async with self.catalogue.begin(passage, "admin.secret.grant") as begun:
            begun.sound(name)
            await store.insert_grant(begun.conn, name, recipient, self._clock.now(), passage.principal.name)
        return await self.show(name)

    async def revoke(self, passage: Passage, name: str, recipient: str) -> StoredSecret:
        """Take it away: programs that have it are ended within seconds."""
        checked_recipient(recipient)
        async with self.catalogue.begin(passage, "admin.secret.revoke") as begun:
            begun.sound(name)
            if not await store.delete_grant(begun.conn, name, recipient):
                raise NotFoundError(
                    f"The secret {name} is not granted to {recipient}.",
                    remedy=f"See `sallyport secret show {name}`.",
                )
        return await self.show(name)

    async def delete(self, passage: Passage, name: str) -> None:
        """Destroy every version; refused while it is granted, unless it is broken."""
        async with self.catalogue.begin(passage, "admin.secret.delete") as begun:
            row = begun.row(name)
            broken = problem_of(begun.before, row, begun.master) or name in self.catalogue.snapshot.problems
            if row.recipients and not broken:
                raise ConflictError(
                    f"The secret {name} is in use by {', '.join(row.recipients)}.",
                    remedy="Revoke it first.",
                )
            passage.note(result={"version": row.version, "recipients": list(row.recipients)})
            await store.mark_deleted(begun.conn, name)
        await self.catalogue.refresh()

    async def accept(self, passage: Passage) -> SecretsCheck:
        """Take the catalogue as it stands, after somebody looked: what opens is tagged anew, what does not stays out."""
        async with self.catalogue.begin(passage, "admin.secret.accept", whole=False):
            pass
        await self.catalogue.refresh()
        return await self.check()

    async def rekey(self, passage: Passage, *, handover: bool = True) -> Rekeyed:
        """Wrap every data key with a new master key; the old one is accepted until `finish_rekey`."""
        return await rekey.rekey(self.catalogue, passage, handover=handover)

    async def finish_rekey(self, passage: Passage) -> SecretsCheck:
        """Every node has the new master key: forget the old one."""
        await rekey.finish(self.catalogue, passage)
        return await self.check()


def version_shown(row: SecretRow, version: VersionRow) -> SecretVersion:
    """A line of the history."""
    kept = bool(version.value)
    current = version.version == row.version
    return SecretVersion(
        version=version.version,
        state=("current" if current else "previous") if kept else "destroyed",
        created=version.created,
        created_by=version.created_by,
        key=key_of(version.wrapped),
    )
