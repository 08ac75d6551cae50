"""The files of an export: read with care, and none that does not belong."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from app.audit.verify.exported.manifest import Manifest
from app.audit.verify.report import Report
from app.audit.verify.tree import WIDTH, tile_of, tile_path, tile_width
from app.audit.verify.unreadable import Unreadable

_FILE_BYTES = 1 << 30


def read_file(path: Path, name: str = "") -> bytes:
    """The bytes of a plain file of sensible size."""
    name = name or path.name
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _FILE_BYTES:
            raise Unreadable(f"{name} is missing, or not a plain file of sensible size")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}") from None


class Files:
    """An export's folder with its manifest."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.contents = frozenset(manifest.contents.names)

    def read(self, name: str) -> bytes:
        """A file by its name in the export."""
        return read_file(self.folder / name, name)

    def listed(self, report: Report) -> None:
        """Each listed file is as the manifest says, and there is no file that nothing accounts for."""
        for name, digest in sorted(self.manifest.files.items()):
            try:
                if ".." in name.split("/") or name.startswith("/") or self._hash(name) != digest:
                    report.fault(f"{name} was changed", file=name)
            except Unreadable as error:
                report.fault(str(error), file=name)
        for name in self._names():
            if name not in self.manifest.files and not self._belongs(name):
                report.fault(f"{name} does not belong to the export", file=name)

    def _hash(self, name: str) -> str:
        """SHA-256 of a file of any size."""
        path = self.folder / name
        if path.is_symlink() or not path.is_file():
            raise Unreadable(f"{name} is missing")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _names(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.folder):
            for name in names:
                yield Path(folder, name).relative_to(self.folder).as_posix()

    def _belongs(self, name: str) -> bool:
        if name in ("manifest.json", "manifest.note"):
            return self.manifest.signed or name == "manifest.json"
        tile = tile_of(name)
        if tile is None:
            digest = name.rpartition("/")[2]
            return digest in self.contents and name == content_path(digest)
        level, number = tile
        height = 0 if level == "entries" else int(level)
        width = tile_width(self.manifest.size, height, number)
        inside = height > 0 or self.inside(number) or (level == "0" and width < WIDTH)
        return inside and width > 0 and name == tile_path(level, number, width)

    def inside(self, number: int) -> bool:
        """Whether this tile of level 0 holds rows of the range."""
        first, end = self.manifest.first, self.manifest.end
        return first < end and first // WIDTH <= number <= (end - 1) // WIDTH


def content_path(digest: str) -> str:
    """Where a content stands, by the hex of its SHA-256."""
    return f"contents/{digest[:2]}/{digest}"
