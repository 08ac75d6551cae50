"""A backup file in the making: under another name until it is whole, on the disk, and was read back."""

import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from app.backup.age import Encrypting, FileKey, Passphrase, Recipient, seal_header
from app.backup.contents import FORMAT, Contents, Manifest, rendered
from app.backup.parts import PIECE, PartWriter
from app.core import crash
from app.core.errors import InputError

STEP = 4 * 1024 * 1024
"""Bytes of a table in one part, before they are compressed."""
_LEVEL = 3


class BackupFile:
    """Parts go in; `seal` ends it, `keep` gives it its name, `drop` forgets it."""

    def __init__(self, path: Path, to: Sequence[Recipient] | Passphrase) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        if path.exists():
            raise InputError(
                f"{path} exists already.", remedy="Choose another name; no backup is overwritten."
            )
        header, self.key = seal_header(to)
        try:
            number = os.open(self.partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InputError(
                f"{self.partial} cannot be written ({error.strerror}).", remedy="Choose another folder."
            ) from None
        self._file = _Hashed(os.fdopen(number, "wb", buffering=PIECE))
        self._file.write(header)
        self._stream = Encrypting(self._file, self.key)
        self._parts = PartWriter(self._stream.write)
        self._rows: dict[str, int] = {}
        self._bytes = 0

    @property
    def digest(self) -> str:
        """SHA-256 of the file as it is on the disk."""
        return self._file.digest.hexdigest()

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._file.size

    def begin(self, manifest: Manifest) -> None:
        """The first part."""
        self._parts.add("manifest.json", rendered(manifest))

    def add_file(self, name: str, path: Path) -> None:
        """A file of the data folder, as long as it is at this moment."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            left = iter(lambda: file.read(min(PIECE, size - file.tell())), b"")
            self._parts.stream(f"site/{name}", size, left)

    def add_rows(self, table: str, number: int, data: bytes) -> None:
        """Some bytes of a table's text."""
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
        self._parts.add(f"database/{table}/{number:06}.gz", packer.compress(data) + packer.flush())
        self._bytes += len(data)

    def count(self, table: str, rows: int) -> None:
        """How many rows a table has."""
        self._rows[table] = rows

    def contents(self) -> Contents:
        """All parts up to here."""
        return Contents(format=FORMAT, parts=list(self._parts.parts), rows=self._rows, bytes=self._bytes)

    def seal(self, contents: bytes, note: bytes) -> None:
        """The last two parts; the file is on the disk, under its partial name."""
        self._parts.add("contents.json", contents)
        self._parts.add("contents.note", note)
        self._parts.close()
        self._stream.close()
        self._file.sync()
        if __debug__:
            crash.at("backup.after_write")

    def keep(self) -> None:
        """Give it its name, unless somebody else took it meanwhile."""
        try:
            os.link(self.partial, self.path)
        except FileExistsError:
            raise InputError(f"{self.path} exists already.", remedy="Choose another name.") from None
        except OSError:  # such as FAT on a stick, which has no links
            self.partial.rename(self.path)
        self.partial.unlink(missing_ok=True)
        _sync_folder(self.path.parent)

    def drop(self) -> None:
        """Close it, and take away what is not kept."""
        self._file.close()
        self.partial.unlink(missing_ok=True)


class _Hashed:
    """A file that knows its digest and size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = ["STEP", "BackupFile", "FileKey"]
