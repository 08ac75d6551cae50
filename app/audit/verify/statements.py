"""What a site says about rows that are gone: signed notes with a line of JSON."""

from bisect import bisect_right
from typing import Any

import msgspec

from app.audit.verify.notes import Trust
from app.audit.verify.report import Report
from app.audit.verify.unreadable import Unreadable
from app.core import jsonsafe
from app.core.errors import InputError

FORMAT = b"sallyport-statement/1"
MAX_LEAF = 1 << 63


class Drop(msgspec.Struct, frozen=True):
    """Leaf ranges of a tree that were dropped; the second of each pair is excluded."""

    leaves: list[tuple[int, int]]
    epoch: int = 1


class Dropped:
    """Leaf ranges that signed statements cover, by epoch."""

    def __init__(self) -> None:
        self.statements = 0
        self._ranges: dict[int, list[tuple[int, int]]] = {}

    def add(self, name: str, data: bytes, trust: Trust, report: Report) -> None:
        """Read a statement; a fault if it cannot be read or is not signed."""
        try:
            said = _said(trust.signed(data, name))
            self.statements += 1
            if said.get("statement") == "drop":
                drop = jsonsafe.convert(said, Drop)
                self._ranges[drop.epoch] = _merged([*self._ranges.get(drop.epoch, []), *drop.leaves])
        except (Unreadable, InputError) as error:
            report.fault(f"{name} cannot be read as a statement: {error}", file=name)

    def covers(self, epoch: int, leaf: int) -> bool:
        """Whether this row may be gone."""
        ranges = self._ranges.get(epoch, [])
        at = bisect_right(ranges, (leaf, MAX_LEAF)) - 1
        return at >= 0 and leaf < ranges[at][1]


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((first, end))
    return merged


def _said(text: bytes) -> dict[str, Any]:
    lines = text.split(b"\n", 2)
    if len(lines) != 3 or lines[0] != FORMAT:
        raise Unreadable("it has another first line")
    return jsonsafe.decode_object(lines[2])
