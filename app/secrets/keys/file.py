"""The master key in a file that only Sallyport's own user can read; made at the first run."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from app.core.errors import MasterKeyError
from app.extensions import KnownKey
from app.secrets.keys.software import SoftwareKey, new_key, parse, render

_MOST = 64 * 1024
_NOTE = "# The master key of Sallyport's secrets: keep a copy apart from the database's backups.\n"


class FileSource:
    """One key a line, the newest last; replaced as a whole, never in place."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ready(self) -> None:
        """Make the file, so that it is there to be backed up before it is needed."""
        if not self.find(()):
            self.make()

    def find(self, known: Sequence[KnownKey]) -> list[SoftwareKey]:
        """Every key in the file."""
        text = _read(self._path)
        return parse(text, source=str(self._path)) if text else []

    def make(self) -> SoftwareKey:
        """A key beside those in the file."""
        keys = self.find(())
        key = new_key()
        self._write([*keys, key])
        return key

    def adopt(self, key: bytes) -> SoftwareKey:
        """Another node's key, written beside those in the file."""
        adopted, keys = SoftwareKey(key), self.find(())
        if adopted.id not in [held.id for held in keys]:
            self._write([*keys, adopted])
        return adopted

    def forget(self, ids: Sequence[str]) -> None:
        """Take keys out."""
        keys = self.find(())
        kept = [key for key in keys if key.id not in ids]
        if kept and len(kept) < len(keys):
            self._write(kept)

    def _write(self, keys: list[SoftwareKey]) -> None:
        """Written whole and synced before it has its name: a crash leaves the old file or the new one."""
        text = _NOTE + render(keys)
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                beside.unlink()
            number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(number, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise MasterKeyError(
                f"The master key cannot be written to {self._path} ({error.strerror}).",
                remedy="Let this user write there, or name another secrets.key_file.",
            ) from None


def _read(path: Path) -> str:
    """The file's text, empty when there is none; refused when anybody else could have read or changed it."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise MasterKeyError(
            f"The master key {path} cannot be read ({error.strerror}).",
            remedy="It is a plain file of Sallyport's own user, mode 0600.",
        ) from None
    with os.fdopen(number, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
            raise MasterKeyError(
                f"The master key {path} could be read or changed by others.",
                remedy=f"chmod 600 {path}, owned by Sallyport's own user; if others may have read it: `secret rekey`.",
            )
        data = file.read(_MOST)
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise MasterKeyError(f"{path} is no master key.", remedy="Put it back from a backup.") from None
