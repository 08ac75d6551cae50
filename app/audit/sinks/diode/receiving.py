"""The far side of a diode: whether what came through is whole, unchanged and from whom it should be."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.audit.sinks.diode.transport import HEADER
from app.audit.tlog.note import VerifierKey, parse_note
from app.audit.tlog.signing import verify
from app.core.errors import ProofError

_NOTE = re.compile(r"(\d{12})\.note")
_LARGEST = 256 * 1024 * 1024


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One number: `fault` is empty when its rows are as they were sent."""

    number: int
    rows: int = 0
    fault: str = ""


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    stream: str
    number: int
    rows: int
    digest: str
    previous: str
    own: str


def check_folder(folder: Path, *, key: VerifierKey, stream: str) -> Iterator[Received]:
    """Every number from the first that is there to the last, those that are missing too."""
    names = sorted(path.name for path in folder.iterdir())
    numbers = [int(match[1]) for name in names if (match := _NOTE.fullmatch(name))]
    before: _Note | None = None
    expected = numbers[0] if numbers else 0
    for number in numbers:
        for missing in range(expected, number):
            yield Received(number=missing, fault="missing")
        expected = number + 1
        try:
            note = _read(folder, number, key=key, stream=stream)
            if before is not None and before.number == number - 1 and before.own != note.previous:
                raise ProofError("it was signed after another note than the one before it")
            _check_rows(folder / f"{number:012d}.rows", note)
        except (ProofError, OSError) as error:
            yield Received(number=number, fault=str(error) or type(error).__name__)
            before = None
        else:
            yield Received(number=number, rows=note.rows)
            before = note


def _read(folder: Path, number: int, *, key: VerifierKey, stream: str) -> _Note:
    data = (folder / f"{number:012d}.note").read_bytes()
    note = parse_note(data)
    verify(note, key)
    lines = note.text.split("\n")
    if len(lines) != 7 or lines[0] != HEADER or not (lines[2].isdecimal() and lines[3].isdecimal()):
        raise ProofError("the note is not one of a diode")
    found = _Note(
        stream=lines[1],
        number=int(lines[2]),
        rows=int(lines[3]),
        digest=lines[4],
        previous=lines[5],
        own=hashlib.sha256(data).hexdigest(),
    )
    if (found.stream, found.number) != (stream, number):
        raise ProofError(f"the note is of number {found.number} of {found.stream}")
    return found


def _check_rows(path: Path, note: _Note) -> None:
    if path.stat().st_size > _LARGEST:
        raise ProofError("the rows are larger than any that are sent")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != note.digest or data.count(b"\n") != note.rows:
        raise ProofError("the rows are not those that were signed")
