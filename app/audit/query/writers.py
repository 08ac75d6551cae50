"""Lines as a table, CSV (RFC 4180), JSON or JSON lines, a page at a time, safe for whoever opens them."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Protocol

import msgspec

from app.audit.query.columns import text, values
from app.audit.query.lines import RecordLine

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins so is a formula to spreadsheets; the last four are the wide forms of the first."""


class Writer(Protocol):
    """Text before, of each page, and after."""

    def begin(self) -> str:
        """What stands before the first line."""
        ...

    def page(self, lines: Sequence[RecordLine]) -> str:
        """The lines."""
        ...

    def end(self) -> str:
        """What stands after the last line."""
        ...


class Table:
    """Aligned columns for a terminal; the first page sets the widths."""

    def __init__(self, names: Sequence[str], zone: tzinfo) -> None:
        self._names = names
        self._zone = zone
        self._widths: list[int] = []

    def begin(self) -> str:
        """Nothing: the widths are not known yet."""
        return ""

    def page(self, lines: Sequence[RecordLine]) -> str:
        """Rows, under the names on the first page."""
        rows = [[printable(cell) for cell in _cells(line, self._names, self._zone)] for line in lines]
        if not self._widths:
            self._widths = [
                max(len(name), *(len(row[number]) for row in rows), 0)
                for number, name in enumerate(self._names)
            ]
            rows.insert(0, [name.upper() for name in self._names])
        return "".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, self._widths, strict=True)).rstrip()
            + "\n"
            for row in rows
        )

    def end(self) -> str:
        """Nothing."""
        return ""


class Csv:
    """One line of text per row, every cell quoted, no cell a formula."""

    def __init__(self, names: Sequence[str], zone: tzinfo) -> None:
        self._names = names
        self._zone = zone

    def begin(self) -> str:
        """The names."""
        return _csv([list(self._names)])

    def page(self, lines: Sequence[RecordLine]) -> str:
        """The rows."""
        return _csv([[harmless(cell) for cell in _cells(line, self._names, self._zone)] for line in lines])

    def end(self) -> str:
        """Nothing."""
        return ""


class Lines:
    """A JSON object a line."""

    def __init__(self, names: Sequence[str], zone: tzinfo) -> None:
        self._names = names
        self._zone = zone

    def begin(self) -> str:
        """Nothing."""
        return ""

    def page(self, lines: Sequence[RecordLine]) -> str:
        """The objects."""
        return "".join(_json(line, self._names, self._zone) + "\n" for line in lines)

    def end(self) -> str:
        """Nothing."""
        return ""


class Array:
    """One JSON array of objects, written as it grows."""

    def __init__(self, names: Sequence[str], zone: tzinfo) -> None:
        self._names = names
        self._zone = zone
        self._before = "["

    def begin(self) -> str:
        """Nothing: the bracket comes with the first object."""
        return ""

    def page(self, lines: Sequence[RecordLine]) -> str:
        """The objects."""
        parts = []
        for line in lines:
            parts.append(self._before + "\n" + _json(line, self._names, self._zone))
            self._before = ","
        return "".join(parts)

    def end(self) -> str:
        """The closing bracket."""
        return "[]\n" if self._before == "[" else "\n]\n"


WRITERS: Mapping[str, Callable[[Sequence[str], tzinfo], Writer]] = {
    "table": Table, "csv": Csv, "json": Array, "jsonl": Lines,
}  # fmt: skip


def harmless(cell: str) -> str:
    """A cell that no spreadsheet runs and that stays on one line: control characters are shown as escapes."""
    return printable(f"'{cell}" if cell.startswith(_FORMULA) else cell)


def printable(cell: str) -> str:
    """Without control characters, which move cursors and break lines; invisible direction marks are shown too."""
    if cell.isascii() and cell.isprintable():
        return cell
    return "".join(character if character.isprintable() else _escape(character) for character in cell)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _cells(line: RecordLine, names: Sequence[str], zone: tzinfo) -> list[str]:
    return [text(value) for value in values(line, names, zone).values()]


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _json(line: RecordLine, names: Sequence[str], zone: tzinfo) -> str:
    return msgspec.json.encode(values(line, names, zone)).decode()
