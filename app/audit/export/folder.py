"""A folder that is there as a whole or not at all."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import InputError


class Folder:
    """Files written below NAME.partial; `finish` makes them durable and gives the folder its name."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._partial = self._path.with_name(self._path.name + ".partial")
        self.files: dict[str, str] = {}
        self.bytes = 0
        if self._path.exists():
            raise InputError(f"{path} is already there.", remedy="Name a folder that does not exist yet.")
        if self._partial.exists():
            raise InputError(
                f"{self._partial} is left from an export that did not end, or one is under way.",
                remedy="Remove it if no export is running.",
            )
        self._partial.mkdir(parents=True)

    def write(self, name: str, data: bytes, *, listed: bool = False) -> None:
        """Write a file; `listed` ones are named in `files` with the hex of their SHA-256."""
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
        self.bytes += len(data)
        if listed:
            self.files[name] = hashlib.sha256(data).hexdigest()

    @contextmanager
    def lines(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A listed file that is written line by line, with nothing of it in memory."""
        hashed = hashlib.sha256()
        with (self._partial / name).open("xb") as file:

            def write(line: bytes) -> None:
                hashed.update(line + b"\n")
                self.bytes += file.write(line + b"\n")

            yield write
        self.files[name] = hashed.hexdigest()

    def finish(self) -> None:
        """Make everything durable, then rename."""
        os.sync()
        if self._path.exists():
            raise InputError(f"{self._path} appeared meanwhile.", remedy=f"The export is in {self._partial}.")
        self._partial.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._partial, ignore_errors=True)
