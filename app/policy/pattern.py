"""Wildcards without backtracking: `*` in names, `*` and `**` in paths, each in time linear in the value.

A name pattern's only wildcard is `*`, which stands for any run of characters, `/` and `.` included.
A path pattern (one that holds a `/`) is compared segment by segment: `*` stays inside one segment,
`**` is a whole segment and stands for any number of them (at least one at the end).
A path that another program could read differently (`..`, `//`, `\\`, `%2e`, `~` …) is nobody's match:
the answer is None, unknown.
"""

import re
from collections.abc import Iterable

import msgspec

MAX_VALUE = 8192
_STRANGE = re.compile(r"[\x00-\x1f\x7f\\\u2028\u2029]|%(?:2[ef]|5c|25|00)", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://")


def name_matches(pattern: str, value: str) -> bool:
    """Whether the whole value fits the pattern: first and last piece anchored, the others leftmost in order."""
    if "*" not in pattern:
        return pattern == value
    first, *middle, last = pattern.split("*")
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


class Names(msgspec.Struct, frozen=True):
    """Name patterns of one list: a set for the plain ones, a loop for those with wildcards."""

    plain: frozenset[str]
    wild: tuple[str, ...]

    def match(self, value: str) -> bool:
        """Whether one of the patterns fits."""
        return value in self.plain or any(name_matches(pattern, value) for pattern in self.wild)

    def match_any(self, values: Iterable[str]) -> bool:
        """Whether one of the patterns fits one of the values."""
        return any(self.match(value) for value in values)


def names(patterns: Iterable[str]) -> Names | None:
    """The patterns of a list, or None when the list was not given."""
    found = sorted(set(patterns))
    if not found:
        return None
    return Names(frozenset(p for p in found if "*" not in p), tuple(p for p in found if "*" in p))


def plain_path(value: str) -> bool:
    """Whether every reader takes this path or URL for the same place."""
    if _STRANGE.search(value) or value.startswith("~") or value != value.strip():
        return False
    scheme = _SCHEME.match(value)
    if scheme:
        authority = value[scheme.end() :].partition("/")[0]
        if "@" in authority or "?" in authority or "#" in authority:
            return False
    segments = _segments(value[scheme.end() :] if scheme else value)
    inner = segments[1:] if segments[0] == "" else segments
    if inner == [""]:  # the root itself
        return True
    return "" not in inner and "." not in segments and ".." not in segments


def text_matches(pattern: str, value: str) -> bool | None:
    """Whether a value fits a condition's pattern; None where that cannot be known."""
    if len(value) > MAX_VALUE:
        return None
    if "/" not in pattern:
        fits = name_matches(pattern, value)
        return None if fits and "/" in value and "*" in pattern else fits
    if not comparable(pattern, value):
        return None
    return _path_matches(_segments(_same_host(pattern)), _segments(_same_host(value)))


def comparable(operand: str, value: str) -> bool:
    """Whether a path operand says anything about this value: plain, and both absolute, relative or a URL."""
    return plain_path(value) and (operand.startswith("**") or _manner(operand) == _manner(value))


def _manner(value: str) -> str:
    return "url" if _SCHEME.match(value) else value[:1] if value.startswith("/") else ""


def _same_host(value: str) -> str:
    scheme = _SCHEME.match(value)
    if not scheme:
        return value
    authority, slash, path = value[scheme.end() :].partition("/")
    return scheme[0].lower() + authority.lower() + slash + path


def _segments(value: str) -> list[str]:
    return (value[:-1] if len(value) > 1 and value.endswith("/") else value).split("/")


def _path_matches(pattern: list[str], value: list[str]) -> bool:
    """Runs of fixed segments between `**`: the first and last anchored, the others leftmost in order."""
    runs: list[list[str]] = [[]]
    for segment in pattern:
        if segment == "**":
            runs.append([])
        else:
            runs[-1].append(segment)
    if len(runs) == 1:
        return len(runs[0]) == len(value) and _fits(runs[0], value, 0)
    first, *middle, last = runs
    end = len(value) - (len(last) or 1)  # a final `**` stands for at least one segment
    if end < len(first) or not _fits(first, value, 0) or not _fits(last, value, end):
        return False
    at = len(first)
    for run in middle:
        while at + len(run) <= end and not _fits(run, value, at):
            at += 1
        if at + len(run) > end:
            return False
        at += len(run)
    return True


def _fits(run: list[str], value: list[str], at: int) -> bool:
    return all(name_matches(piece, value[at + i]) for i, piece in enumerate(run))
