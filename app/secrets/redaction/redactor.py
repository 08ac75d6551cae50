"""Take known values out of bytes, text, JSON and decoded values; what cannot be taken out is withheld."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.core.errors import UpstreamError
from app.secrets.redaction.forms import forms
from app.secrets.redaction.matcher import Matcher, Span, TooManyLooks

ESCAPE = re.compile(rb"\\{1,8}u00[0-7][0-9a-fA-F]|%(?:25){0,4}[0-9a-fA-F]{2}")
"""One character as programs hide it: in JSON, in a URL, and nested."""
_CUT = re.compile(rb"(?:\\{1,8}(?:u0{0,2}[0-7]?)?|%(?:25){0,4}2?[0-9a-fA-F]?)\Z")
WITHHELD = "[withheld: it is made to look like secrets]"
_PASSES = 3
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
_HEX = 2


def marker(name: str) -> str:
    """What stands in place of a value."""
    return f"[secret {name}]"


class Redactor:
    """Holds the values that are known at this moment; `know` replaces them all at once."""

    def __init__(self) -> None:
        self._matcher = Matcher({})
        self._known: dict[bytes, str] = {}

    @property
    def matcher(self) -> Matcher:
        """What is looked for now."""
        return self._matcher

    def know(self, values: Mapping[str, Iterable[bytes]]) -> None:
        """From now on these names' values, and no others, are redacted."""
        known = {value: name for name, each in sorted(values.items()) for value in each}
        if known == self._known:
            return
        literals = {form: name for value, name in known.items() for form in forms(value)}
        self._known, self._matcher = known, Matcher(literals)

    def spans(self, text: bytes) -> list[Span]:
        """Where values stand, merged where they touch."""
        found = self._matcher.find(text)
        plain, places = text, None
        for _ in range(_PASSES):
            if b"%" not in plain and b"\\u00" not in plain:
                break
            undone = ESCAPE.sub(_undone, plain)
            if undone == plain:
                break
            places = _Places(plain, places)
            plain = undone
            found += [places.before(span) for span in self._matcher.find(plain)]
        return _merged(found)

    def begins(self, tail: bytes) -> int:
        """The first place from which the text could be the beginning of a value, or of an escape."""
        cut = _CUT.search(tail)
        plain, places = tail[: cut.start()] if cut else tail, None
        first = len(plain)
        for _ in range(1 + _PASSES):
            begun = self._matcher.begins(plain)
            first = min(first, places.place(begun) if places is not None else begun)
            undone = ESCAPE.sub(_undone, plain)
            if undone == plain:
                break
            places = _Places(plain, places)
            plain = undone
        return first

    def clean(self, text: bytes) -> bool:
        """Whether nothing known stands in the text."""
        if self._matcher.absent(text) and b"%" not in text and b"\\u00" not in text:
            return True
        try:
            return not self._matcher or not self.spans(text)
        except TooManyLooks:
            return False

    def data(self, text: bytes) -> bytes:
        """Bytes without known values; the same object when there was none."""
        if self._matcher.absent(text) and b"%" not in text and b"\\u00" not in text:
            return text
        try:
            spans = self.spans(text)
        except TooManyLooks:
            return WITHHELD.encode()
        return _replaced(text, spans) if spans else text

    def text(self, text: str) -> str:
        """Text without known values."""
        if not self._matcher or not text:
            return text
        raw = text.encode("utf-8", "surrogatepass")
        cleaned = self.data(raw)
        return text if cleaned is raw else cleaned.decode("utf-8", "replace")

    def decoded(self, value: Any) -> Any:
        """The same as `value`; the usual case, that there is nothing to take out, is looked for in the whole at once."""
        if not self._matcher:
            return value
        if isinstance(value, str):
            return self.text(value)
        try:
            raw = msgspec.json.encode(value)
        except (msgspec.MsgspecError, UnicodeEncodeError, TypeError, RecursionError):
            return self.value(value)
        return value if self.clean(raw) else self.value(value)

    def value(self, value: Any) -> Any:
        """A decoded JSON value without known values, in members' names too."""
        if not self._matcher:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            shown = str(value)
            cleaned = self.text(shown)
            return value if cleaned == shown else cleaned
        return value

    def json(self, raw: bytes, *, source: str) -> bytes:
        """A JSON text without known values: only the strings and numbers that hold one are written anew.

        UpstreamError when a value stands across them, so that it cannot be taken out without breaking the text.
        """
        if not self._matcher or self.clean(raw):
            return raw
        cleaned = _TOKEN.sub(self._token, raw)
        if not self._only_within_tokens(cleaned):
            raise UpstreamError(
                f"{source} answered with a secret in a form that cannot be taken out; the answer is withheld.",
                kind="protocol",
            )
        return cleaned

    def _only_within_tokens(self, cleaned: bytes) -> bool:
        """Whether what is left only looks like a value: an escape such as `\\n` read together with what follows it."""
        try:
            spans = self.spans(cleaned)
        except TooManyLooks:
            return False
        tokens = [match.span() for match in _TOKEN.finditer(cleaned)] if spans else []
        starts = [start for start, _ in tokens]
        for span in spans:
            index = bisect_right(starts, span.start) - 1
            if index < 0 or span.end > tokens[index][1]:
                return False
        return True

    def _token(self, match: re.Match[bytes]) -> bytes:
        token = match[0]
        if token[:1] != b'"':
            return token if self.clean(token) else json.dumps(self.text(token.decode("ascii"))).encode()
        try:
            text = json.loads(token)
        except ValueError:
            return token
        cleaned = self.text(text)
        return token if cleaned == text else json.dumps(cleaned).encode()


def _undone(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[0][-_HEX:], 16),))


class _Places:
    """Where bytes of an undone text stood before, back to the first text."""

    def __init__(self, plain: bytes, outer: "_Places | None") -> None:
        self._outer = outer
        self._after: list[int] = []
        self._shift: list[int] = []
        shift = 0
        for match in ESCAPE.finditer(plain):
            shift += match.end() - match.start() - 1
            self._after.append(match.end() - shift)
            self._shift.append(shift)

    def before(self, span: Span) -> Span:
        """The span in the first text."""
        return Span(self.place(span.start), self.place(span.end), span.name)

    def place(self, place: int) -> int:
        """An escape that the place stands behind lies whole before it."""
        index = bisect_right(self._after, place)
        before = place + (self._shift[index - 1] if index else 0)
        return self._outer.place(before) if self._outer is not None else before


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.start, max(last.end, span.end), last.name)
        else:
            merged.append(span)
    return merged


def _replaced(text: bytes, spans: list[Span]) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for span in spans:
        pieces += [text[at : span.start], marker(span.name).encode()]
        at = span.end
    return b"".join([*pieces, text[at:]])
