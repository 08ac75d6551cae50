"""How a site stands with its backups by the clock, as programs and people are told."""

from datetime import datetime
from typing import Protocol

import msgspec

from app.core.passage import Passage


class KeptBackup(msgspec.Struct, frozen=True, kw_only=True):
    """One file of this site in the folder for backups."""

    file: str
    made: datetime
    bytes: int


class BackupStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Where backups go and when; `due` is when the next one is wanted, `late` that one is missed (backup.warn_after).

    `problem` says what stands in the way, with what to do; both texts are empty while there is nothing to say.
    """

    folder: str
    hours: float
    keep: int
    recipients: int
    backups: tuple[KeptBackup, ...]
    due: datetime | None
    late: bool
    problem: str


class WrittenBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was written and read back: its file, digest and size, and how many rows it holds."""

    file: str
    digest: str
    bytes: int
    rows: int


class Backups(Protocol):
    """Looking at backups, and writing one now."""

    def standing(self) -> BackupStanding:
        """How it stands at this moment."""
        ...

    async def write(self, passage: Passage) -> WrittenBackup:
        """Write one into the folder; ConflictError where none is named."""
        ...
