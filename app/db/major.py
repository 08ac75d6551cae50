"""A cluster of an older PostgreSQL becomes one of the newer that the file brings: copied, compared, then exchanged.

`data` is the cluster. The newer one is made in `next/data`; when it is whole, `next/whole` is written, `data` moves to
`data.MAJOR` and `next/data` to `data`. The old one goes at the first start that did not have to copy anything.
"""

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from app.core import crash
from app.core.errors import DatabaseError
from app.core.paths import resources
from app.db.connect import Connection, connect
from app.db.copying import analyse, copy_in, copy_out, loading, shape, snapshot
from app.db.embedded import Embedded
from app.db.migrate import read_migrations

log = logging.getLogger(__name__)

_ROOM = 2
_POINTER = "programs"


def cluster_major(cluster: Path) -> int:
    """The version that wrote a cluster, 0 where there is none."""
    try:
        return int((cluster / "PG_VERSION").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def program_major(home: Path) -> int:
    """The version of some programs, 0 where there are none."""
    try:
        done = subprocess.run(
            [str(home / "bin" / "postgres"), "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else 0


async def bring_up(server: Embedded, *, previous: str) -> bool:
    """Before a server starts: whether its cluster had to be copied; DatabaseError, with all as it was, if it cannot be."""
    folder, home = server.folder, server.home
    _finish(folder)
    there = cluster_major(folder / "data")
    if not there or ((folder / _POINTER).is_file() and _pointer(folder) == home):
        return False
    ours = program_major(home)
    if there == ours or not ours:
        return False
    if there > ours:
        raise DatabaseError(
            f"The database in {folder} was written by PostgreSQL {there}; this file brings {ours}.",
            remedy="Start the newer file; nothing was changed.",
        )
    _room(folder)
    old = _programs(folder, there, previous)
    log.warning("the database is of PostgreSQL %d, this file brings %d: it is copied once", there, ours)
    await _copied(server, old)
    _exchange(folder, there)
    log.warning(
        "the database is of PostgreSQL %d now; the old one is kept in data.%d until the next start",
        ours,
        there,
    )
    return True


def settle(server: Embedded, *, copied: bool) -> None:
    """After a server started: remember its programs, and let go of what an earlier start left."""
    if _pointer(server.folder) != server.home:
        draft = server.folder / f"{_POINTER}.new"
        draft.write_text(str(server.home), encoding="utf-8")
        draft.rename(server.folder / _POINTER)
    if not copied:
        for old in server.folder.glob("data.[0-9]*"):
            shutil.rmtree(old, ignore_errors=True)


def _finish(folder: Path) -> None:
    """A power cut between the two moves: the newer cluster is whole and goes in."""
    following = folder / "next"
    if (following / "whole").exists():
        was = cluster_major(folder / "data")
        if was and was != cluster_major(following / "data") and (following / "data").exists():
            (folder / "data").rename(folder / f"data.{was}")
        if not (folder / "data").exists():
            (following / "data").rename(folder / "data")
    shutil.rmtree(following, ignore_errors=True)


def _pointer(folder: Path) -> Path | None:
    try:
        return Path((folder / _POINTER).read_text(encoding="utf-8"))
    except OSError:
        return None


def _room(folder: Path) -> None:
    size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < size * _ROOM:
        raise DatabaseError(
            f"The database has to be copied for the newer PostgreSQL: {size * _ROOM // 2**20} MiB are needed,"
            f" {free // 2**20} MiB are free.",
            remedy="Make room, or start the previous file; nothing was changed.",
        )


def _programs(folder: Path, major: int, previous: str) -> Path:
    """Programs that can read the old cluster: those that last ran it, or those that the profile names."""
    places: Iterable[Path | None] = (Path(previous) if previous else None, _pointer(folder))
    for place in places:
        if place is not None and program_major(place) == major:
            return place
    raise DatabaseError(
        f"The database in {folder} is of PostgreSQL {major}, and its programs are not here any more.",
        remedy="Write a backup with the previous file and restore it with this one, or name a folder with the old "
        "programs (bin/postgres) in database.previous; nothing was changed.",
    )


async def _copied(server: Embedded, programs: Path) -> None:
    """Every row of the old cluster in a new one of its own, both stopped."""
    old = server.beside(server.folder, home=programs)
    new = server.beside(server.folder / "next", home=server.home)
    try:
        await old.start()
        await new.start()
        async with (
            await connect(old.url, purpose="copy") as source,
            await connect(new.url, purpose="copy") as target,
        ):
            await copy_database(source, target)
    except BaseException:
        await _stopped(old, new)
        shutil.rmtree(new.folder, ignore_errors=True)
        raise
    await _stopped(old, new)
    os.sync()


async def _stopped(*servers: Embedded) -> None:
    for server in servers:
        await server.stop()


async def copy_database(source: Connection, target: Connection) -> int:
    """All rows of one database into another, empty one; how many. DatabaseError when they are not the same."""
    total = 0
    async with snapshot(source):
        found = await shape(source)
        async with loading(target, found, read_migrations(resources() / "migrations")) as _:
            for table in found.tables:
                lines = 0

                async def rows(table=table):
                    nonlocal lines
                    async for data in copy_out(source, table):
                        lines += data.count(b"\n")
                        yield data

                if await copy_in(target, table, rows()) != lines:
                    raise DatabaseError(f"{table.name} was not copied whole.", remedy="Nothing was changed.")
                total += lines
    await analyse(target)
    return total


def _exchange(folder: Path, old: int) -> None:
    whole = folder / "next" / "whole"
    with whole.open("wb") as file:
        os.fsync(file.fileno())
    if __debug__:
        crash.at("major.after_copy")
    (folder / "data").rename(folder / f"data.{old}")
    if __debug__:
        crash.at("major.after_move")
    _finish(folder)
