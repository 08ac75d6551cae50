"""What a site says about rows that are gone: signed notes with a line of JSON."""

from typing import Any

import msgspec

from app.audit.verify.notes import Trust
from app.audit.verify.report import Report
from app.audit.verify.unreadable import Unreadable
from app.core import jsonsafe
from app.core.errors import InputError

FORMAT = b"sallyport-statement/1"


class Drop(msgspec.Struct, frozen=True):
    """Leaf ranges that were dropped; the second of each pair is excluded."""

    leaves: list[tuple[int, int]]


class Dropped:
    """Leaf ranges that signed statements cover."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []
        self.statements = 0

    def add(self, name: str, data: bytes, trust: Trust, report: Report) -> None:
        """Read a statement; a fault if it cannot be read or is not signed."""
        try:
            said = _said(trust.signed(data, name))
            self.statements += 1
            if said.get("statement") == "drop":
                self.ranges += jsonsafe.convert(said, Drop).leaves
        except (Unreadable, InputError) as error:
            report.fault(f"{name} cannot be read as a statement: {error}", file=name)

    def covers(self, leaf: int) -> bool:
        """Whether this row may be gone."""
        return any(first <= leaf < end for first, end in self.ranges)


def _said(text: bytes) -> dict[str, Any]:
    lines = text.split(b"\n", 2)
    if len(lines) != 3 or lines[0] != FORMAT:
        raise Unreadable("it has another first line")
    return jsonsafe.decode_object(lines[2])
