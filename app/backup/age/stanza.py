"""Stanzas: one for each who can open a file (age v1, "Recipient stanza")."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

from app.core.errors import InputError

_COLUMNS = 64
_ARGUMENT = re.compile(r"[!-~]+", re.ASCII)


class Stanza(NamedTuple):
    """Its arguments, the kind first, and its body."""

    arguments: tuple[str, ...]
    body: bytes

    def render(self) -> str:
        """The lines of it; the last one is always a short one."""
        text = base64_of(self.body)
        lines = [text[start : start + _COLUMNS] for start in range(0, len(text) + 1, _COLUMNS)]
        return "\n".join([f"-> {' '.join(self.arguments)}", *lines]) + "\n"


def parse_stanzas(lines: Sequence[str]) -> list[Stanza]:
    """The stanzas of a header; InputError when it is not exactly what `render` would write."""
    found: list[Stanza] = []
    position = 0
    while position < len(lines):
        opening = lines[position].split(" ")
        arguments = tuple(opening[1:])
        if opening[0] != "->" or not arguments or not all(map(_ARGUMENT.fullmatch, arguments)):
            raise malformed()
        body = []
        while True:
            position += 1
            if position >= len(lines) or len(lines[position]) > _COLUMNS:
                raise malformed()
            body.append(lines[position])
            if len(lines[position]) < _COLUMNS:
                break
        position += 1
        try:
            found.append(Stanza(arguments, unbase64("".join(body))))
        except ValueError:
            raise malformed() from None
    return found


def malformed() -> InputError:
    """What a header deserves that age would not write."""
    return InputError("The file is no backup: its header is not one of age v1.", remedy="Copy it again.")


def base64_of(data: bytes) -> str:
    """Base64 (RFC 4648) without padding."""
    return base64.b64encode(data).decode().rstrip("=")


def unbase64(text: str) -> bytes:
    """The bytes of unpadded, canonical base64; ValueError for any other spelling."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64_of(data) != text:
        raise ValueError("not canonical base64")
    return data
