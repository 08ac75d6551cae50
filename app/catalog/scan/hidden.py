"""What people do not see and models read: invisible and turning characters, escapes, comments, encoded texts."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

from app.catalog.scan.words import Grade, Smell

_PLAIN = re.compile(r"[\x20-\x7e\n\r\t]*")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKS = frozenset("\u200e\u200f\u061c")
_JOINERS = frozenset("\u200c\u200d")
_FLAG = "\U0001f3f4"
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{48,}={0,2}")
_COMMENT = re.compile(r"<!--")
_READABLE = 0.9


def unseen(text: str) -> Iterator[Smell]:
    """Code, grade and surroundings of characters that no reader sees, one of each kind."""
    if "<!--" in text:
        at = text.index("<!--")
        yield "comment", "alarm", text[at : at + 120]
    if _PLAIN.fullmatch(text):
        return
    told: set[str] = set()
    for at, char in enumerate(text):
        if char.isprintable() and char < "\ufe00":
            continue
        kind = _kind(text, at, char)
        if kind is not None and kind[0] not in told:
            told.add(kind[0])
            yield (*kind, text[max(0, at - 30) : at + 50])


def _kind(text: str, at: int, char: str) -> tuple[str, Grade] | None:
    number = ord(char)
    if 0xE0000 <= number <= 0xE007F:
        return None if _FLAG in text[max(0, at - 7) : at] else ("tag_characters", "alarm")
    if 0xE0100 <= number <= 0xE01EF or (0xFE00 <= number <= 0xFE0F and _selector(text, at - 1)):
        return ("selectors", "alarm") if _selector(text, at - 1) else None
    if char in _BIDI:
        return "bidi", "alarm"
    if char in _MARKS:
        return "direction_mark", "warn"
    if char in _JOINERS:
        return None if at and not text[at - 1].isascii() else ("invisible", "alarm")
    return _by_category(char)


def _by_category(char: str) -> tuple[str, Grade] | None:
    if char in {"\x1b", "\x9b"}:
        return "terminal_escape", "alarm"
    if char == "\u00ad":
        return "soft_hyphen", "note"
    category = unicodedata.category(char)
    if category == "Cf":
        return "invisible", "alarm"
    if category == "Cc":
        return None if char in "\n\r\t" else ("control", "warn")
    return ("private_use", "warn") if category in ("Co", "Cs") else None


def _selector(text: str, at: int) -> bool:
    """Two variation selectors in a row carry data: a character has one at most."""
    return at >= 0 and (0xFE00 <= ord(text[at]) <= 0xFE0F or 0xE0100 <= ord(text[at]) <= 0xE01EF)


def encoded(text: str) -> Iterator[Smell]:
    """Long runs of base64 that decode to a text."""
    for match in _ENCODED.finditer(text):
        if said := _decoded(match[0]):
            yield "encoded_text", "alarm", said
            return


def _decoded(run: str) -> str:
    """What a run says, empty when it decodes to no text."""
    data = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        raw = base64.b64decode(data[: len(data) // 4 * 4][:4096], validate=True)
    except binascii.Error:
        return ""
    if sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw) < _READABLE * len(raw) or b" " not in raw:
        return ""
    return raw.decode("ascii", "replace")
