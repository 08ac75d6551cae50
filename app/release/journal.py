"""The local journal: each step of an update, on the disk before the next one; and what the record has of it."""

from datetime import datetime
from pathlib import Path

import msgspec

from app.audit.signing.files import append_line, replace_file
from app.core.canonical import canonical
from app.core.clock import Clock
from app.core.errors import ReleaseError

MAX_BYTES = 16 * 1024 * 1024


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line: when, which step of which command, and what it was about."""

    time: datetime
    step: str
    release: str = ""
    number: int = 0
    detail: str = ""


class Journal:
    """The file, and how many of its lines stand in the site's record."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._cursor = path.with_name("recorded")
        self._clock = clock

    def write(self, step: str, *, release: str = "", number: int = 0, detail: str = "") -> None:
        """Add a step, flushed to the disk."""
        line = Step(time=self._clock.now(), step=step, release=release, number=number, detail=detail[:2000])
        append_line(self._path, canonical(line))

    def steps(self) -> list[Step]:
        """Everything that was done here, oldest first; a line that a power cut left half is passed over."""
        if not self._path.exists():
            return []
        if self._path.stat().st_size > MAX_BYTES:
            raise ReleaseError(f"{self._path} has more than {MAX_BYTES} bytes.", remedy="Move it away.")
        found = []
        for line in self._path.read_bytes().splitlines():
            try:
                found.append(msgspec.json.decode(line, type=Step))
            except msgspec.MsgspecError:
                continue
        return found

    def unrecorded(self) -> list[Step]:
        """The steps that the record does not have yet."""
        return self.steps()[self._recorded() :]

    def recorded(self, more: int) -> None:
        """The record has as many steps more."""
        replace_file(self._cursor, b"%d\n" % (self._recorded() + more))

    def _recorded(self) -> int:
        try:
            return int(self._cursor.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0
        except ValueError:
            raise ReleaseError(f"{self._cursor} holds no number.", remedy="Remove it.") from None
