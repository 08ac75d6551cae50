"""Reading a medium that may be hostile: by name from the manifest, regular files only, each once, into staging."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import ReleaseError
from app.release.manifest import Item, Manifest

_CHUNK = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Medium:
    """A folder that was opened once: what is mounted over it later is not seen."""

    def __init__(self, folder: int, path: Path) -> None:
        self._folder = folder
        self.path = path

    def read(self, name: str, *, most: int) -> bytes:
        """A small file, whole; ReleaseError when it is not there, not a file, or larger."""
        with self._opened(name) as file:
            size = os.fstat(file).st_size
            if size > most:
                raise ReleaseError(f"{name} has {size} bytes; at most {most} are read.")
            data = b"".join(_chunks(file, most + 1, name))
        if len(data) > most:
            raise ReleaseError(f"{name} grew while it was read; at most {most} bytes are read.")
        return data

    def has(self, name: str) -> bool:
        """Whether there is anything of this name; never follows it."""
        try:
            with self._opened(name):
                return True
        except ReleaseError as error:
            return not isinstance(error.__cause__, FileNotFoundError)

    def copy(self, item: Item, target: Path, *, mode: int) -> None:
        """Copy a file that the manifest names, then look at the copy; ReleaseError unless that is the one."""
        with self._opened(item.path) as file:
            if os.fstat(file).st_size != item.bytes:
                raise _differs(item, f"it has {os.fstat(file).st_size} bytes instead of {item.bytes}")
            written = os.open(target, _WRITE, 0o600)
            try:
                for chunk in _chunks(file, item.bytes, item.path):
                    _write(written, chunk)
                os.fchmod(written, mode)
                os.fsync(written)
            finally:
                os.close(written)
        if digest_of(target) != (item.bytes, item.sha256):
            raise _differs(item, "its SHA-256 is not the one in the manifest")

    def check(self, item: Item) -> None:
        """ReleaseError unless the file on the medium is the one that was signed; nothing is copied."""
        digest, size = hashlib.sha256(), 0
        with self._opened(item.path) as file:
            for chunk in _chunks(file, item.bytes + 1, item.path):
                digest.update(chunk)
                size += len(chunk)
        if (size, digest.hexdigest()) != (item.bytes, item.sha256):
            raise _differs(item, "size or SHA-256 is not the one in the manifest")

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        opened: list[int] = []
        try:
            yield self._open(name, opened)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _open(self, name: str, opened: list[int]) -> int:
        """The descriptor of a regular file, the last of those opened on the way to it."""
        *folders, last = name.split("/")
        at = self._folder
        try:
            for folder in folders:
                at = os.open(folder, _FOLDER, dir_fd=at)
                opened.append(at)
            # Looked at before it is opened: opening a device can already do something.
            _check_plain(name, os.stat(last, dir_fd=at, follow_symlinks=False))
            opened.append(file := os.open(last, _READ, dir_fd=at))
            _check_plain(name, os.fstat(file))
        except OSError as error:
            raise _unreadable(name, error) from error
        return file


@contextmanager
def open_medium(path: Path) -> Iterator[Medium]:
    """The medium in a folder, mounted or copied; ReleaseError when there is none."""
    try:
        real = path.resolve(strict=True)
        folder = os.open(real, _FOLDER)
    except OSError as error:
        raise ReleaseError(
            f"{path} cannot be opened ({error.strerror}).", remedy="Name the folder with manifest.json."
        ) from None
    try:
        yield Medium(folder, real)
    finally:
        os.close(folder)


def copy_files(medium: Medium, manifest: Manifest, target: Path) -> None:
    """Copy everything that the manifest names below `target`, which exists and is empty."""
    for item in manifest.files:
        path = target / item.path
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        medium.copy(item, path, mode=0o755 if item.path == manifest.program else 0o644)
    sync_folders(target)


def sync_folders(top: Path) -> None:
    """Flush the names in a folder and in all below it."""
    for folder, _, _ in os.walk(top):
        descriptor = os.open(folder, _FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest_of(path: Path) -> tuple[int, str]:
    """Size and SHA-256 in hex of a file of ours, in constant memory."""
    with path.open("rb", buffering=0) as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _chunks(file: int, most: int, name: str) -> Iterator[bytes]:
    left = most
    try:
        while left > 0 and (chunk := os.read(file, min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
    except OSError as error:
        raise _unreadable(name, error) from error


def _check_plain(name: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ReleaseError(f"{name} on the medium is not a regular file.")
    if found.st_nlink > 1:
        raise ReleaseError(f"{name} on the medium has a second name; media hold plain copies.")


def _unreadable(name: str, error: OSError) -> ReleaseError:
    return ReleaseError(
        f"{name} cannot be read from the medium ({error.strerror}).",
        remedy="Check that the medium is whole and mounted; nothing was changed.",
    )


def _write(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]


def _differs(item: Item, why: str) -> ReleaseError:
    return ReleaseError(
        f"{item.path} on the medium is not the one that was signed: {why}.",
        remedy="Get the medium again; nothing was changed.",
    )
