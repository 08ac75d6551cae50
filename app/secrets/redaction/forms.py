"""The forms in which a value may come back: as it is, and escaped or encoded as programs do it.

Percent escapes, `\\u00XX` and their nesting are not listed: the redactor undoes them before it looks again.
"""

import html
import json
from base64 import b64encode
from collections.abc import Iterator

SHORTEST = 8
"""Bytes of the shortest value that is kept as a secret: a shorter one could not be told from ordinary text."""
_NESTED = 3
"""JSON inside JSON inside JSON: a tool's answer, whose text is a document, that quotes another."""


def forms(value: bytes) -> set[bytes]:
    """Every literal to look for."""
    found = {value, value.hex().encode(), value.hex().upper().encode(), *_base64(value)}
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    for shown in {text, html.escape(text), html.escape(text, quote=False), text.replace(" ", "+")} - {""}:
        found.add(shown.encode())
        found |= set(_json(shown))
    # Some encoders write the slash as `\/`.
    found |= {form.replace(b"/", rb"\/") for form in found if b"/" in form}
    return {form for form in found if len(form) >= SHORTEST - 1}


def _json(text: str) -> Iterator[bytes]:
    """The inside of a JSON string (RFC 8259), up to three deep, in ASCII and in UTF-8."""
    for ascii_only in (True, False):
        inner = text
        for _ in range(_NESTED):
            inner = json.dumps(inner, ensure_ascii=ascii_only)[1:-1]
            yield inner.encode("utf-8", "surrogatepass")
    upper = json.dumps(text)[1:-1]
    if "\\u" in upper:
        yield b"".join(
            (b"\\u%04X" % ord(char)) if ord(char) > 127 else json.dumps(char)[1:-1].encode() for char in text
        )


def _base64(value: bytes) -> Iterator[bytes]:
    """Both alphabets (RFC 4648), at each alignment: the characters that bytes around it cannot change."""
    for before in range(3):
        encoded = b64encode(b"\0" * before + value)
        first, last = -(-8 * before // 6), 8 * (before + len(value)) // 6
        stable = encoded[first:last]
        yield stable
        yield stable.replace(b"+", b"-").replace(b"/", b"_")
