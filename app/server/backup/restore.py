"""A site out of a backup: made beside what is there, declared to its record, put in its place last."""

import os
import shutil
from pathlib import Path

import msgspec

from app.audit.sealing.outside import base_origin
from app.audit.sealing.restore import Declared, declare, find_break
from app.backup.reading import BackupReader, Checked
from app.config import Profile
from app.core import crash
from app.core.clock import Clock
from app.core.errors import ConfigError, ConflictError
from app.core.paths import resources
from app.db import connect
from app.db.copying import recognise
from app.db.migrate import read_migrations
from app.server.backup.filling import Load, Progress, own_profile, shape_of, stage_files, target
from app.server.backup.opening import Vouched
from app.server.backup.place import (
    STAGE,
    complete,
    entries,
    forgotten_unless_begun,
    new_stage,
    put_in_place,
    restoring,
)
from app.server.folder import make
from app.server.process import run_guarded
from app.server.rooms.seal import outside_at
from app.server.rooms.seal_keys import key_source

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
            async with target(profile, new) as url:
                load = Load(
                    url=url, profile=profile, stage=folder / STAGE, resumed=resumed, replace=wanted.replace
                )
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
