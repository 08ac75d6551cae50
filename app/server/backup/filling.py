"""What a restore makes before anything is replaced: the files of the new data folder, and its database, filled."""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import msgspec

from app.backup.parts import OpenPart
from app.backup.reading import Checked, unpacked
from app.config import Profile, load
from app.core.errors import ConfigError, ConflictError, InputError, SallyportError
from app.core.paths import postgres_home, resources
from app.db import Connection, connect
from app.db.copying import Shape, Table, analyse, copy_in, is_empty, loading, marked
from app.db.keeping import embedded
from app.db.migrate import read_migrations
from app.server.backup.place import write_durably
from app.server.folder import PROFILE
from app.server.rooms.roles import url_for

Progress = Callable[[str, int, int], None]


def shape_of(checked: Checked) -> Shape:
    """The database that a backup is of."""
    found = checked.manifest.database
    tables = [Table(table.name, table.columns) for table in found.tables]
    return Shape(version=found.version, migrations=found.migrations, tables=tables, months=found.months)


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
async def target(profile: Profile, new: Path) -> AsyncIterator[str]:
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


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Filling one database, in one transaction."""

    url: str
    profile: Profile
    stage: Path
    resumed: str
    replace: str

    async def fill(self, checked: Checked, parts: Iterator[OpenPart], progress: Progress) -> int:
        """The rows that are in it afterwards; nothing is done when the power went after it was filled."""
        given = bool(self.profile.database.url)
        timeout = self.profile.database.connect_timeout
        async with await connect(self.url, purpose="restore", timeout=timeout) as conn:
            if self.resumed and await marked(conn) == self.resumed:
                return sum(checked.contents.rows.values())
            filled = not await is_empty(conn)
            if filled and not self.replace:
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
