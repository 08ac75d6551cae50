"""A folder in front of a one-way gate: numbered files, each with a signed note that is bound to the one before it.

`000000000042.rows` holds rows, one a line; `000000000042.note` is a signed note (c2sp.org/signed-note) over number,
count, SHA-256 of the rows and SHA-256 of the note before. The far side sees a missing, changed or foreign file. The
note appears last. Nothing is ever read back from the folder: what lies there may be taken away at any time. After a
crash a number may appear again with more rows; the one that the next note names counts.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.audit.sinks.transports import disk
from app.core.errors import DeliveryError

HEADER = "sallyport-diode/v1"
NOTHING = "0" * 64
Sign = Callable[[str], str]
"""From a text that ends in a newline to its signed note."""


class DiodeTransport:
    """One file and one note a send."""

    def __init__(self, *, folder: Path, stream: str, sign: Sign, state: Mapping[str, str]) -> None:
        self._folder = folder
        self._stream = stream
        self._sign = sign
        self._number = int(state.get("number", "0"))
        self._previous = state.get("note", NOTHING)
        self._sent = 0

    @property
    def state(self) -> Mapping[str, str]:
        """The last number and the hash of its note."""
        return {"number": str(self._number), "note": self._previous}

    async def send(self, rows: Sequence[bytes]) -> None:
        """Write the rows under the next number."""
        try:
            await asyncio.to_thread(self._place, self._number + 1, rows)
        except OSError as error:
            raise self._failed(error) from None
        self._sent += 1

    async def acknowledged(self, *, wait: bool) -> int:
        """What is synced is there."""
        sent, self._sent = self._sent, 0
        return sent

    async def probe(self, row: bytes) -> str:
        """Whether the folder takes files and the key signs; no number is used."""
        try:
            await asyncio.to_thread(disk.try_folder, self._folder)
        except OSError as error:
            raise self._failed(error) from None
        self._sign(note_text(self._stream, 0, [row], NOTHING))
        return f"{self._folder} takes files; the next is number {self._number + 1}"

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _place(self, number: int, rows: Sequence[bytes]) -> None:
        note = self._sign(note_text(self._stream, number, rows, self._previous)).encode()
        disk.place(self._folder / f"{number:012d}.rows", lines(rows))
        disk.place(self._folder / f"{number:012d}.note", note)
        self._number, self._previous = number, hashlib.sha256(note).hexdigest()

    def _failed(self, error: OSError) -> DeliveryError:
        return DeliveryError(
            f"The diode folder {self._folder} cannot be written ({error.strerror or error}).",
            remedy="Make the folder, make room in it, or let Sallyport's user write to it.",
        )


def lines(rows: Sequence[bytes]) -> bytes:
    """The content of a file of rows."""
    return b"".join(row + b"\n" for row in rows)


def note_text(stream: str, number: int, rows: Sequence[bytes], previous: str) -> str:
    """What is signed: which stream, which number, how many rows, their hash, and the hash of the note before."""
    digest = hashlib.sha256(lines(rows)).hexdigest()
    return f"{HEADER}\n{stream}\n{number}\n{len(rows)}\n{digest}\n{previous}\n"
