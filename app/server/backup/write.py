"""A backup of a site that may be serving: one snapshot of its database, and its data folder."""

import asyncio
import base64
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec

from app import __version__
from app.audit.sealing import store as sealing
from app.audit.signing.source import newest_of, public_keys
from app.audit.tlog.signing import Signer, signed
from app.backup.age import Passphrase, Recipient
from app.backup.contents import (
    FORMAT,
    Columns,
    Contents,
    Database,
    Manifest,
    Sealed,
    rendered,
    statement,
)
from app.backup.reading import BackupReader
from app.backup.writing import STEP, BackupFile
from app.config import Profile
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConfigError
from app.db import Connection, connect
from app.db.copying import Shape, Table, copy_out, shape, snapshot
from app.server.backup.files import site_files, split
from app.server.folder import PROFILE
from app.server.rooms.seal_keys import key_source

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and of how much."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was written and read back."""

    file: str
    digest: str
    size: int
    name: str
    schema: int
    rows: int
    sealed: int
    included: list[str]
    left_out: list[str]
    elsewhere: list[str]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backup goes, who may open it, and what is left out of it."""

    path: Path
    to: Sequence[Recipient] | Passphrase
    left_out: Collection[str] = ()


async def write_backup(
    profile: Profile, *, folder: Path, url: str, clock: Clock, order: Order, progress: Progress
) -> Written:
    """Write it beside its name, read it back, then give it its name; what fails leaves nothing behind."""
    signers = newest_of(await asyncio.to_thread(key_source(profile, folder).load))
    if not signers:
        raise ConfigError("The log of this site has no key yet.", remedy="Start the site once.")
    file = await asyncio.to_thread(BackupFile, order.path, order.to)
    try:
        timeout = profile.database.connect_timeout
        async with await connect(url, purpose="backup", timeout=timeout) as conn, snapshot(conn):
            manifest = await _manifest(conn, profile, folder, clock=clock, order=order, signers=signers)
            await asyncio.to_thread(file.begin, manifest)
            # Files after the snapshot began: a key that seals anything in it is on the disk by then.
            await asyncio.to_thread(_folder, folder, manifest, file)
            await _database(conn, manifest, file, progress)
        contents = await asyncio.to_thread(_end, file, manifest, signers)
        await _read_back(file, progress)
        if __debug__:
            crash.at("backup.after_check")
        await asyncio.to_thread(file.keep)
        return _written(file, manifest, contents)
    finally:
        await asyncio.to_thread(file.drop)


async def _manifest(
    conn: Connection,
    profile: Profile,
    folder: Path,
    *,
    clock: Clock,
    order: Order,
    signers: Sequence[Signer],
) -> Manifest:
    found = await shape(conn)
    epochs = await sealing.epochs(conn)
    head = await sealing.head(conn, epochs[0].epoch) if epochs else None
    kept, left_out = split(site_files(folder), order.left_out)
    return Manifest(
        format=FORMAT,
        created=clock.now().isoformat(timespec="seconds"),
        release=__version__,
        node=profile.node,
        embedded=not profile.database.url,
        database=_described(found, await _bytes(conn)),
        sealed=Sealed(epochs[0].origin, head.size, base64.b64encode(head.root).decode()) if head else None,
        keys=[str(key) for key in public_keys(signers)],
        included=[one.name for one in kept],
        left_out=[one.name for one in left_out],
        elsewhere=elsewhere(profile, folder),
    )


def elsewhere(profile: Profile, folder: Path) -> list[str]:
    """Keys of the profile whose files are not in the data folder: they need a backup of their own."""
    named = {
        "profile": "" if (folder / PROFILE).exists() else "elsewhere",
        "record.keys": profile.record.keys,
        "record.subjects_key": "set" if profile.record.subjects_key else "",
        "record.checkpoints.file": profile.record.checkpoints.file,
        "secrets.key_file": profile.secrets.key_file,
        "secrets.master_key": profile.secrets.master_key if profile.secrets.master_key != "file" else "",
        "listen.tls.certificate": profile.listen.tls.certificate,
        "listen.tls.key": profile.listen.tls.key,
        "egress.ca_bundle": profile.egress.ca_bundle,
    }
    return [key for key, value in named.items() if value]


def _described(found: Shape, size: int) -> Database:
    tables = [Columns(table.name, table.columns) for table in found.tables]
    return Database(
        version=found.version, migrations=found.migrations, tables=tables, months=found.months, bytes=size
    )


async def _bytes(conn: Connection) -> int:
    cursor = await conn.execute(
        "SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def _database(conn: Connection, manifest: Manifest, file: BackupFile, progress: Progress) -> None:
    """Every table, a step at a time: what is in memory is never more than that and a row."""
    done = 0
    for table in manifest.database.tables:
        waiting, number, rows = bytearray(), 0, 0
        async for data in copy_out(conn, Table(table.name, table.columns)):
            rows += data.count(b"\n")
            waiting += data
            while len(waiting) >= STEP:
                step, waiting = bytes(waiting[:STEP]), waiting[STEP:]
                await asyncio.to_thread(file.add_rows, table.name, number, step)
                number, done = number + 1, done + STEP
                progress("Writing", done, max(done, manifest.database.bytes))
        if waiting:
            await asyncio.to_thread(file.add_rows, table.name, number, bytes(waiting))
        file.count(table.name, rows)
    progress("Writing", 1, 1)


def _folder(folder: Path, manifest: Manifest, file: BackupFile) -> None:
    for name in manifest.included:
        file.add_file(name, folder / name)


def _end(file: BackupFile, manifest: Manifest, signers: Sequence[Signer]) -> Contents:
    contents = file.contents()
    data = rendered(contents)
    origin = manifest.sealed.origin if manifest.sealed else signers[0].key.name
    note = signed(statement(data, origin), signers[:1], seconds=0)
    file.seal(data, str(note).encode())
    return contents


async def _read_back(file: BackupFile, progress: Progress) -> None:
    """What is on the disk is decrypted again: with the file's own key, nobody's identity is needed for it."""
    reader = BackupReader(file.partial, file.key)
    try:
        await asyncio.to_thread(reader.check, lambda done, total: progress("Reading back", done, total))
    finally:
        reader.close()


def _written(file: BackupFile, manifest: Manifest, contents: Contents) -> Written:
    return Written(
        file=str(file.path),
        digest=f"sha256:{file.digest}",
        size=file.size,
        name=contents.digest,
        schema=manifest.schema,
        rows=sum(contents.rows.values()),
        sealed=manifest.sealed.size if manifest.sealed else 0,
        included=manifest.included,
        left_out=manifest.left_out,
        elsewhere=manifest.elsewhere,
    )
