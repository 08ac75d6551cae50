"""The folder in which releases are installed: which one holds, which one held before, and what was seen.

PREFIX/releases/VERSION-NUMBER-DIGEST/   sallyport, rt/ (its tree), medium/, release.json
PREFIX/current, PREFIX/previous          links to two of them
PREFIX/bin/sallyport                     link to current/sallyport
PREFIX/incoming/                         what is being verified
PREFIX/state/                            install.json, state.json, pending.json, keyset.json, journal
"""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from app.audit.signing.files import replace_file, sync_folder
from app.core.canonical import canonical
from app.core.errors import ConflictError, NotFoundError, ReleaseError
from app.release.manifest import Schema

PROGRAM = "sallyport"
T = TypeVar("T")
_LARGEST = 1024 * 1024


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """release.json, written last: the release in this folder is whole."""

    version: str
    number: int
    sha256: str
    manifest: str = ""
    schema: Schema


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The highest number that was ever installed here, and the SHA-256 of its manifest."""

    highest: int = 0
    manifest: str = ""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An update that is neither good nor undone: release folders, since when, and the backup if the schema changes."""

    old: str
    new: str
    number: int
    since: datetime
    backup: str = ""


class Place:
    """The folders of a prefix, which is safe; see `open_place`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.releases = root / "releases"
        self.incoming = root / "incoming"
        self.state = root / "state"
        self.keyset = self.state / "keyset.json"
        self.journal = self.state / "journal"
        self.pending = self.state / "pending.json"

    def prepare(self) -> None:
        """Make the folders, whatever the umask."""
        for folder, mode in (
            *((self.root, 0o755), (self.releases, 0o755), (self.root / "bin", 0o755)),
            *((self.incoming, 0o700), (self.state, 0o755)),
        ):
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
            folder.chmod(mode)

    def linked(self, name: str) -> str:
        """The folder name of the release that `current` or `previous` leads to; empty when there is none."""
        link = self.root / name
        return link.readlink().name if link.is_symlink() and (link / "release.json").is_file() else ""

    def link(self, name: str, release: str) -> None:
        """Let `current` or `previous` lead to this release, in one step, flushed to the disk."""
        beside = self.root / f".{name}.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path("releases") / release)
        beside.replace(self.root / name)
        sync_folder(self.root)

    def release(self, folder: str) -> Release:
        """What is in a release folder; NotFoundError unless it is whole."""
        found = self.load(self.releases / folder / "release.json", Release) if folder else None
        if found is None:
            raise NotFoundError("There is no whole release in that folder.", remedy="See `update status`.")
        return found

    def program(self, folder: str) -> Path:
        """The file of a release."""
        return self.releases / folder / PROGRAM

    def load(self, path: Path, type_: type[T]) -> T | None:
        """A small JSON file of ours; None when it is not there, ReleaseError when it is not as we wrote it."""
        try:
            with path.open("rb") as file:
                return msgspec.json.decode(file.read(_LARGEST), type=type_)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise ReleaseError(
                f"{path} cannot be used ({error}).", remedy="Put it back from a backup of the prefix."
            ) from None

    def save(self, path: Path, value: msgspec.Struct) -> None:
        """Write such a file, whole or not at all."""
        replace_file(path, canonical(value) + b"\n")

    def seen(self) -> State:
        """What was ever installed here."""
        return self.load(self.state / "state.json", State) or State()

    def see(self, number: int, manifest: str) -> None:
        """Remember a number, if it is the highest."""
        if number > self.seen().highest:
            self.save(self.state / "state.json", State(highest=number, manifest=manifest))

    def prune(self, keep: set[str]) -> list[str]:
        """Remove releases that are not to be kept, and whatever an interrupted update left in `incoming`."""
        gone = [path for path in sorted(self.releases.iterdir()) if path.name not in keep]
        for path in (*gone, *self.incoming.iterdir()):
            shutil.rmtree(path)
        return [path.name for path in gone]

    @contextmanager
    def alone(self, *, wait: float = 0.0) -> Iterator[None]:
        """Hold the prefix for one change; ConflictError when another change does not end within `wait` seconds."""
        deadline = time.monotonic() + wait
        with (self.state / "lock").open("ab") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise ConflictError(
                            f"Another update of {self.root} is under way.", remedy="Wait for it to end."
                        ) from None
                    time.sleep(0.1)
            yield


def open_place(prefix: Path) -> Place:
    """The place of an installation; ReleaseError when others could change what is in it."""
    check_prefix(prefix)
    if not (prefix / "state" / "install.json").is_file():
        raise NotFoundError(f"Nothing is installed in {prefix}.", remedy="See `sallyport install --help`.")
    return Place(prefix)


def check_prefix(prefix: Path) -> None:
    """ReleaseError unless only root or this user can change the folder and every one above it."""
    if not prefix.is_absolute() or ".." in prefix.parts or prefix == Path("/"):
        raise ReleaseError(f"{prefix} is not an absolute folder below /.", remedy="Give --prefix in full.")
    below = Path("/")
    for folder in (*reversed(prefix.parents), prefix):
        try:
            found = folder.lstat()
        except FileNotFoundError:
            break
        if stat.S_ISLNK(found.st_mode):
            raise _unsafe(prefix, f"{folder} is a link", "Name the folder that it leads to.")
        if not stat.S_ISDIR(found.st_mode):
            raise _unsafe(prefix, f"{folder} is not a folder", "Choose another --prefix.")
        if found.st_uid not in (0, os.geteuid()):
            raise _unsafe(prefix, f"{folder} belongs to user {found.st_uid}", "Choose another --prefix.")
        shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if shared and (folder == prefix or not found.st_mode & stat.S_ISVTX):
            raise _unsafe(prefix, f"others may write to {folder}", f"chmod go-w {folder}")
        if found.st_mode & stat.S_IXOTH == 0 and os.geteuid() == 0:
            raise _unsafe(prefix, f"users other than root cannot reach {folder}", f"chmod o+x {folder}")
        below = folder
    if os.statvfs(below).f_flag & os.ST_NOEXEC:
        raise _unsafe(prefix, f"{below} is mounted noexec", "Choose another --prefix.")


def _unsafe(prefix: Path, why: str, remedy: str) -> ReleaseError:
    return ReleaseError(f"{prefix} cannot hold programs: {why}.", remedy=remedy)
