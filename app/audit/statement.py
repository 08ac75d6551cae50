"""Statements: what was taken from the record, said in the record itself and in a signed file outside the database."""

import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from app.audit.event import Event
from app.core.canonical import canonical
from app.core.errors import ConfigError
from app.core.ids import uuid7
from app.core.passage import Passage

HEADER = "sallyport-statement/1"
"""First line of a statement's note; then the origin of the log, then one line of canonical JSON."""
Sign = Callable[[str], Awaitable[str]]
"""The signed note (c2sp.org/signed-note) that says this line of JSON; ConfigError while this node has no key."""


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of the file: the row that says the same, what was done, and the signed note."""

    id: str
    action: str
    said: dict[str, Any]
    note: str


class Statements:
    """The append-only file beside the checkpoints. One line a statement: canonical JSON."""

    def __init__(self, path: Path, *, sign: Sign) -> None:
        self.path = path
        self._sign = sign
        self._known: set[str] | None = None

    def read(self) -> list[Statement]:
        """All statements, oldest first; ConfigError when the file cannot be read."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        found: list[Statement] = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(msgspec.json.decode(line, type=Statement))
            except msgspec.MsgspecError as error:
                if number == len(lines):
                    break  # cut off by a crash while it was written: its statement is written again
                raise self._unusable(f"line {number} is damaged ({error})") from None
        return found

    async def append(self, event: Event) -> bool:
        """Write the statement of this row, durably and once; whether it was new."""
        if self._known is None:
            self._known = {statement.id for statement in self.read()}
        if event.id in self._known:
            return False
        note = await self._sign(canonical({**event.body, "row": event.id}).decode())
        row = Statement(id=event.id, action=event.action, said=event.body, note=note)
        try:
            self._write(canonical(row) + b"\n")
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        self._known.add(event.id)
        return True

    def _write(self, line: bytes) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            _drop_unfinished(file)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _unusable(self, why: str) -> ConfigError:
        return ConfigError(
            f"The statements of the record, {self.path}, cannot be used: {why}.",
            remedy="Put the file back from a backup; never edit it.",
        )


def happened(
    passage: Passage,
    action: str,
    about: tuple[str, str],
    said: dict[str, Any],
    *,
    now: datetime,
    row_id: str = "",
) -> Event:
    """A row that says what an admitted call did to the record: `about` is kind and name of the resource."""
    return Event(
        id=row_id or str(uuid7(now_us=int(now.timestamp() * 1_000_000))),
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind="event",
        call=str(passage.id),
        trace_id=passage.trace.trace_id,
        span_id=passage.trace.span_id,
        door=passage.call.door,
        action=action,
        resource_kind=about[0],
        resource=about[1],
        body=said,
    )


def _drop_unfinished(file: BinaryIO) -> None:
    """Take away a last line without an end: nobody was ever told that it was written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    whole = file.read(size).rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
