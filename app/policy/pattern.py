"""Wildcards without backtracking: `*` in names, `*` and `**` in paths, each in time linear in the value.

A name pattern's only wildcard is `*`, which stands for any run of characters, `/` and `.` included.
A path pattern (one that holds a `/`) is compared segment by segment: `*` stays inside one segment,
`**` is a whole segment and stands for any number of them (at least one at the end).
A path that another program could read differently (`..`, `//`, `\\`, `%2e`, `~` …) is nobody's match:
the answer is None, unknown.
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

MAX_VALUE = 8192
_STRANGE = re.compile(r"[\x00-\x1f\x7f\\\u2028\u2029]|%(?:2[ef]|5c|25|00)", re.IGNORECASE)
_AUTHORITY = frozenset("@?#")
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


class _Place(NamedTuple):
    """A path or URL: in which manner it is written (absolute, relative, with a scheme) and its segments."""

    manner: str
    segments: list[str]


def plain_path(value: str) -> bool:
    """Whether every reader takes this path or URL for the same place."""
    return _plain_place(value) is not None


def comparable(operand: str) -> Callable[[str], bool]:
    """Whether a path operand says anything about a value: plain, and absolute, relative or a URL as it is."""
    manner = _place(operand).manner

    def test(value: str) -> bool:
        place = _plain_place(value)
        return place is not None and place.manner == manner

    return test


def text_pattern(pattern: str) -> Callable[[str], bool | None]:
    """The test of a condition's pattern: whether a value fits; None where that cannot be known."""
    if "/" in pattern:
        return _path_pattern(pattern)
    wild = "*" in pattern

    def test(value: str) -> bool | None:
        if len(value) > MAX_VALUE:
            return None
        fits = name_matches(pattern, value)
        return None if fits and wild and "/" in value else fits

    return test


def _path_pattern(pattern: str) -> Callable[[str], bool | None]:
    manner, segments = _place(pattern)
    anywhere = pattern.startswith("**")
    runs: list[list[str]] = [[]]
    for segment in segments:
        if segment == "**":
            runs.append([])
        else:
            runs[-1].append(segment)

    def test(value: str) -> bool | None:
        if len(value) > MAX_VALUE:
            return None
        place = _plain_place(value)
        if place is None or (place.manner != manner and not anywhere):
            return None
        return _runs_match(runs, place.segments)

    return test


def _place(value: str) -> _Place:
    """Scheme and host of a URL mean the same in any case; a slash at the end means nothing."""
    scheme = _SCHEME.match(value)
    if scheme is None:
        return _Place("/" if value.startswith("/") else "", _segments(value))
    authority, _, path = value[scheme.end() :].partition("/")
    return _Place("url", [scheme[0][:-2].lower(), "", authority.lower(), *(_segments(path) if path else ())])


def _segments(path: str) -> list[str]:
    return (path[:-1] if len(path) > 1 and path.endswith("/") else path).split("/")


def _plain_place(value: str) -> _Place | None:
    if _STRANGE.search(value) or value[:1] == "~" or value != value.strip():
        return None
    place = _place(value)
    inner = place.segments
    if place.manner == "url":
        if not _AUTHORITY.isdisjoint(inner[2]):
            return None
        inner = inner[3:]
    elif place.manner == "/":
        inner = inner[1:] if value != "/" else []
    return None if "" in inner or "." in inner or ".." in inner else place


def _runs_match(runs: list[list[str]], value: list[str]) -> bool:
    """Runs of fixed segments between `**`: the first and last anchored, the others leftmost in order."""
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
