"""Checkpoints outside the database: without them, a database put back to last week could not be told.

`record/head` in the data folder is the newest one, replaced with each step; the append-only file has one JSON line for
each that is kept. Both are read back: what they say, the database must still be able to show.
"""

import logging
import socket
from datetime import datetime
from pathlib import Path

import msgspec

from app.audit.signing.files import append_line, last_lines, replace_file
from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.note import Note, parse_note
from app.core.canonical import canonical
from app.core.errors import ProofError

log = logging.getLogger(__name__)

_RECENT = 8  # a line with cosignatures may follow one of a later checkpoint
_NOTICE_OF_AUDIT = 13 * 8 + 5  # RFC 5424 6.2.1: facility log audit, severity notice


class Line(msgspec.Struct, frozen=True):
    """One line of the append-only file."""

    time: str
    checkpoint: str
    cosignatures: list[str] = []


class Claim(msgspec.Struct, frozen=True):
    """What a witness says it has seen of a tree, and the database could not show."""

    witness: str
    origin: str
    size: int
    fork: bool

    def __str__(self) -> str:
        if self.fork:
            return (
                f"{self.witness} has seen another tree of {self.origin} than the one of {self.size} leaves."
            )
        return f"{self.witness} has cosigned {self.size} leaves of {self.origin}."


class Latest(msgspec.Struct, frozen=True):
    """A checkpoint as it was found outside."""

    note: Note
    checkpoint: Checkpoint
    place: str


class Outside:
    """What of this node's own was published; `latest` is what the database is held against."""

    def __init__(self, *, folder: Path, file: str, syslog: str) -> None:
        self.head = folder / "record" / "head"
        self.claimed = folder / "record" / "claims"
        self.file = Path(file) if file else folder / "record" / "checkpoints"
        self._syslog = Path(syslog) if syslog else None
        self._seen: object = None
        self._latest: Latest | None = None
        self._appended: Checkpoint | None = None

    def latest(self) -> Latest | None:
        """The newest checkpoint outside, None if there was none; ProofError when it cannot be read."""
        seen = _stamp(self.head), _stamp(self.file)
        if seen != self._seen:
            self._latest = self._read()
            self._seen = seen
        return self._latest

    def _read(self) -> Latest | None:
        found = []
        try:
            if self.head.exists():
                found.append(_latest(self.head.read_text(encoding="utf-8"), self.head))
            for line in last_lines(self.file)[-_RECENT:]:
                found.append(_latest(msgspec.json.decode(line, type=Line).checkpoint, self.file))
                self._appended = found[-1].checkpoint
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError, ProofError) as error:
            raise ProofError(
                f"The checkpoints outside the database cannot be read: {error}.",
                remedy=f"Look at {self.head} and {self.file}; put back what was there.",
            ) from None
        return max(found, key=lambda one: position(one.checkpoint), default=None)

    def claims(self) -> list[Claim]:
        """What witnesses have said against the database; ProofError when it cannot be read."""
        try:
            return [msgspec.json.decode(line, type=Claim) for line in last_lines(self.claimed)]
        except (OSError, msgspec.MsgspecError) as error:
            raise ProofError(f"{self.claimed} cannot be read: {error}.") from None

    def claim(self, claim: Claim) -> None:
        """Remember what a witness says, for whoever looks next and for the ceremony."""
        if claim not in self.claims():
            append_line(self.claimed, canonical(claim))

    def cosigned(self, note: Note, lines: str, *, now: datetime) -> None:
        """Add a checkpoint with what a witness signed to the append-only file."""
        line = Line(now.isoformat(timespec="seconds"), str(note), [lines])
        append_line(self.file, canonical(line))

    def publish(self, note: Note, *, now: datetime, keep: bool) -> None:
        """Let a checkpoint leave; OSError when it cannot."""
        self.head.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        replace_file(self.head, str(note).encode())
        checkpoint = parse_checkpoint(note.text)
        if keep and checkpoint != self._appended:
            line = Line(now.isoformat(timespec="seconds"), str(note))
            append_line(self.file, canonical(line))
            self._appended = checkpoint
            self._to_syslog(checkpoint, now)

    def _to_syslog(self, checkpoint: Checkpoint, now: datetime) -> None:
        """A line of RFC 5424; a daemon that is away is said once more with the next."""
        if self._syslog is None:
            return
        _, size, root, _ = str(checkpoint).split("\n")
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = f"checkpoint {checkpoint.origin} size {size} root {root}"
        line = f"<{_NOTICE_OF_AUDIT}>1 {stamp} {socket.gethostname()} sallyport - CHECKPOINT - {text}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(line.encode(), str(self._syslog))
            except OSError as error:
                log.warning("syslog did not take a checkpoint: %s", error)


def position(checkpoint: Checkpoint) -> tuple[int, int]:
    """The number of a checkpoint's tree, as its origin says, and its size: later ones are greater."""
    _, _, last = checkpoint.origin.rpartition("/")
    return int(last) if last.isdecimal() else 1, checkpoint.size


def base_origin(origin: str) -> str:
    """The name of the log, without the number of its tree."""
    head, _, last = origin.rpartition("/")
    return head if last.isdecimal() else origin


def _latest(text: str, place: Path) -> Latest:
    note = parse_note(text)
    return Latest(note, parse_checkpoint(note.text), str(place))


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
