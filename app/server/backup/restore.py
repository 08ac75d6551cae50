"""A site out of a backup: made beside what is there, declared to its record, put in its place last."""

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import msgspec

from app.audit.sealing.outside import base_origin
from app.audit.sealing.restore import Declared, declare, find_break
from app.backup.parts import OpenPart
from app.backup.reading import BackupReader, Checked, unpacked
from app.config import Profile, load
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConfigError, ConflictError, InputError, SallyportError
from app.core.paths import postgres_home, resources
from app.db import Connection, connect
from app.db.copying import Shape, Table, analyse, copy_in, is_empty, loading, marked, recognise
from app.db.keeping import embedded
from app.db.migrate import read_migrations
from app.server.backup.opening import Vouched
from app.server.backup.place import (
    STAGE,
    complete,
    entries,
    forgotten_unless_begun,
    new_stage,
    put_in_place,
    restoring,
    write_durably,
)
from app.server.folder import PROFILE, make
from app.server.process import run_guarded
from app.server.rooms.roles import url_for
from app.server.rooms.seal import outside_at
from app.server.rooms.seal_keys import key_source

Progress = Callable[[str, int, int], None]
_ROOM = 3
"""A database with its indexes and its log takes so many times the bytes of its rows, at most."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    origin: str
    breaks: list[str]
    rows: int
    files: int
    signed_by: str
    replaced: str
    data: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backup is to go: `profile` in place of its own, `replace` the log's name typed by the operator."""

    folder: Path
    profile: Profile | None
    reason: str
    replace: str = ""
    keys: Path | None = None


def restore_site(
    reader: BackupReader, checked: Checked, by: Vouched, *, wanted: Wanted, clock: Clock, progress: Progress
) -> Restored:
    """The old site or the new one is there afterwards, whatever happens in between."""
    recognise(shape_of(checked), read_migrations(resources() / "migrations"))
    folder = make(wanted.folder)
    with restoring(folder):
        complete(folder)
        there = entries(folder)
        _permitted(folder, there, by, wanted)
        resumed = _interrupted(folder, checked)
        new = new_stage(folder)
        _room(folder, checked)
        parts = reader.again(checked)
        files = stage_files(new, parts, checked, wanted.keys)
        if there:
            _keep_heads(folder, new)
        profile = wanted.profile or own_profile(new, checked)

        async def filled() -> tuple[int, Declared]:
            async with _target(profile, new) as url:
                load = _Load(url=url, profile=profile, stage=folder / STAGE, resumed=resumed, wanted=wanted)
                rows = await load.fill(checked, parts, progress)
                return rows, await _declared(
                    url, profile, new, _said(checked), reason=wanted.reason, clock=clock
                )

        with forgotten_unless_begun(folder):
            rows, declared = run_guarded(profile, lambda _: filled(), fast=False)
        if __debug__:
            crash.at("restore.after_load")
        _give_away(folder, new)
        replaced = put_in_place(folder, stamp=clock.now().strftime("%Y%m%dT%H%M%SZ"))
    return Restored(
        origin=declared.origin,
        breaks=declared.breaks,
        rows=rows,
        files=files,
        signed_by=by.key,
        replaced=replaced,
        data=str(folder),
    )


def _interrupted(folder: Path, checked: Checked) -> str:
    """The mark of a restore of this backup whose database may be filled already, empty when there is none."""
    path = folder / STAGE / "loading"
    mark = path.read_text(encoding="ascii") if path.exists() else ""
    if mark and checked.contents.digest not in mark:
        raise ConflictError(
            f"Another backup was being restored into {folder}.",
            remedy=f"Go on with that one, or empty the database and remove {folder / STAGE}.",
        )
    return mark


def _keep_heads(folder: Path, new: Path) -> None:
    """What this very log has published since the backup stays: the declaration says what was lost."""
    if (folder / "record").is_dir():
        shutil.copytree(folder / "record", new / "record", dirs_exist_ok=True)


def shape_of(checked: Checked) -> Shape:
    """The database that a backup is of."""
    found = checked.manifest.database
    tables = [Table(table.name, table.columns) for table in found.tables]
    return Shape(version=found.version, migrations=found.migrations, tables=tables, months=found.months)


def _permitted(folder: Path, there: list[Path], by: Vouched, wanted: Wanted) -> None:
    """ConflictError unless the folder is empty, or what is there is to be replaced by a backup of the same log."""
    if not there:
        return
    origin = site_origin(folder)
    if not wanted.replace:
        raise ConflictError(
            f"There is a site in {folder} ({origin or 'without a sealed record'}).",
            remedy=f"Choose an empty --data, or replace it: --replace {origin or folder.name}",
        )
    if (base_origin(wanted.replace) if origin else wanted.replace) != (origin or folder.name):
        raise ConflictError(
            f"{wanted.replace!r} is not the name of the site in {folder}.",
            remedy=f"Type its name: --replace {origin or folder.name}",
        )
    if origin and base_origin(by.origin) != origin:
        raise ConflictError(
            f"The backup is of {base_origin(by.origin)}, the site in {folder} is {origin}.",
            remedy="Restore another site's backup into an empty data folder.",
        )


def site_origin(folder: Path) -> str:
    """The name of the log whose heads are in a data folder, empty when there are none."""
    latest = outside_at(Profile(), folder).latest()
    return base_origin(latest.checkpoint.origin) if latest else ""


def _room(folder: Path, checked: Checked) -> None:
    """Before anything is written: whether the rows can fit at all."""
    need, free = checked.contents.bytes * _ROOM, shutil.disk_usage(folder).free
    if free < need:
        raise ConfigError(
            f"{folder} has {free // 2**20} MiB free; the restore may need {need // 2**20} MiB.",
            remedy="Make room, or choose another --data.",
        )


def stage_files(new: Path, parts: Iterator[OpenPart], checked: Checked, keys: Path | None) -> int:
    """Write the files of the data folder, which come before the tables; how many."""
    count = 0
    for part in parts:
        if part.name.startswith("site/"):
            _write(new / part.name.removeprefix("site/"), part)
            count += 1
        if count == len(checked.manifest.included):
            break
    for name in checked.manifest.left_out:
        given = keys / name if keys else None
        if given is None or not given.is_file():
            raise InputError(
                f"{name} was left out of the backup.",
                remedy=f"Put it into FOLDER/{name} and give --left-out FOLDER.",
            )
        _write(new / name, [given.read_bytes()])
    return count


def _write(path: Path, pieces: "OpenPart | list[bytes]") -> None:
    """Private, but for what is public by nature: certificates, and the signed heads of the record."""
    inside = path.parent.name in ("tls", "record") and path.parent.parent.name != "keys"
    path.parent.mkdir(mode=0o755 if inside else 0o700, parents=True, exist_ok=True)
    public = inside and path.suffix != ".key"
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644 if public else 0o600)
    with os.fdopen(number, "wb") as file:
        for piece in pieces:
            file.write(piece)


def own_profile(new: Path, checked: Checked) -> Profile:
    """The profile in the backup; ConfigError when it had none and the site was not the plainest."""
    if (new / PROFILE).exists():
        return load(new / PROFILE)
    if not checked.manifest.embedded:
        raise ConfigError(
            "The profile of this site was not in its data folder, and so is not in the backup.",
            remedy="Give it by --profile.",
        )
    return Profile()


@asynccontextmanager
async def _target(profile: Profile, new: Path) -> AsyncIterator[str]:
    """The database to fill: the profile's, or an embedded one that belongs to the new folder."""
    if profile.database.url:
        yield url_for(profile.database, profile.database.url.reveal(), purpose="migrate")
        return
    (new / "keys").mkdir(mode=0o700, exist_ok=True)
    password = new / "keys" / "database"
    async with embedded(
        folder=new / "postgres", home=postgres_home(), password_file=password, wait=0, share=False
    ) as url:
        yield url
    (new / "postgres.lock").unlink(missing_ok=True)


class _Load(msgspec.Struct, frozen=True, kw_only=True):
    """Filling one database, in one transaction."""

    url: str
    profile: Profile
    stage: Path
    resumed: str
    wanted: Wanted

    async def fill(self, checked: Checked, parts: Iterator[OpenPart], progress: Progress) -> int:
        """The rows that are in it afterwards; nothing is done when the power went after it was filled."""
        given = bool(self.profile.database.url)
        timeout = self.profile.database.connect_timeout
        async with await connect(self.url, purpose="restore", timeout=timeout) as conn:
            if self.resumed and await marked(conn) == self.resumed:
                return sum(checked.contents.rows.values())
            filled = not await is_empty(conn)
            if filled and not self.wanted.replace:
                raise ConflictError(
                    "The database of the profile is not empty.",
                    remedy="Name an empty one in database.url, or replace what is there: --replace NAME.",
                )
            mark = f"restored from {checked.contents.digest} {secrets.token_hex(8)}" if given else ""
            if given:
                write_durably(self.stage / "loading", mark.encode())
            known = read_migrations(resources() / "migrations")
            try:
                async with loading(conn, shape_of(checked), known, mark=mark, replace=filled):
                    rows = await fill(conn, checked, parts, progress)
            except SallyportError:
                (self.stage / "loading").unlink(missing_ok=True)  # rolled back, for certain
                raise
            await analyse(conn)
        return rows


async def fill(conn: Connection, checked: Checked, parts: Iterator[OpenPart], progress: Progress) -> int:
    """Put the rows of all tables where they belong; InputError when they are not as many as were signed."""
    columns = {table.name: table.columns for table in checked.manifest.database.tables}
    found, done = dict.fromkeys(columns, 0), 0

    async def rows(group: Iterator[OpenPart]) -> AsyncIterator[bytes]:
        nonlocal done
        for number, part in enumerate(group):
            if part.name != f"database/{name}/{number:06}.gz":
                raise InputError(f"{part.name} is not where it should be.", remedy="Take another backup.")
            for piece in unpacked(part):
                yield piece
                done += len(piece)
            progress("Restoring", done, checked.contents.bytes)

    for name, group in groupby(parts, key=_table):
        if name in columns:
            found[name] = await copy_in(conn, Table(name, columns[name]), rows(group))
    if found != checked.contents.rows:
        raise InputError("The tables have not the rows that were signed.", remedy="Take another backup.")
    return sum(found.values())


def _table(part: OpenPart) -> str:
    return part.name.split("/")[1] if part.name.startswith("database/") else ""


async def _declared(
    url: str, profile: Profile, new: Path, said: str, *, reason: str, clock: Clock
) -> Declared:
    """Tell the record: rows of after the backup are gone, so a new tree begins."""
    source, outside = key_source(profile, new), outside_at(profile, new)
    async with await connect(url, purpose="restored", timeout=profile.database.connect_timeout) as conn:
        broken = await find_break(conn, source=source, outside=outside)
        broken = msgspec.structs.replace(broken, found=f"{said} {broken.found}".strip())
        return await declare(
            conn, broken, reason=reason, source=source, outside=outside, node=profile.node, clock=clock
        )


def _said(checked: Checked) -> str:
    return f"Restored from the backup {checked.contents.digest} of {checked.manifest.created}."


def _give_away(folder: Path, new: Path) -> None:
    """As root: the files belong to whom the data folder belongs to; the cluster has its own owner."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for path in sorted(new.iterdir()):
        if path.name != "postgres":
            for each in (path, *path.rglob("*")):
                os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)
