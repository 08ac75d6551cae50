"""A definition as a tool server gives it: the whole of it, in canonical bytes, by digest."""

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from app.core import jsonsafe
from app.core.canonical import canonical, digest
from app.core.errors import InputError

Kind = Literal["server", "tool", "prompt", "template", "skill"]
KINDS: tuple[Kind, ...] = ("server", "tool", "prompt", "template", "skill")
MAX_BYTES = 256 * 1024
MAX_NAME = 1024
_LINES = 5_000
_WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the server's own; empty for the server's introduction. `document` is canonical JSON."""

    server: str
    kind: Kind
    name: str
    digest: str
    document: str

    @property
    def key(self) -> tuple[str, Kind, str]:
        """What stays the same when the definition changes."""
        return self.server, self.kind, self.name


def define(server: str, kind: Kind, name: str, raw: bytes) -> Definition:
    """The definition in these bytes; InputError when it cannot be pinned, and so cannot be used."""
    if len(raw) > MAX_BYTES:
        raise InputError(f"A definition has at most {MAX_BYTES} bytes.", code="definition_too_large")
    if not (name.isprintable() and len(name) <= MAX_NAME and (name or kind == "server")):
        raise InputError("A name has 1 to 1024 characters that can be seen.", code="definition_name")
    return defined(server, kind, name, jsonsafe.decode_object(raw))


def defined(server: str, kind: Kind, name: str, value: Mapping[str, Any]) -> Definition:
    """The definition with these members."""
    data = canonical(value)
    return Definition(server=server, kind=kind, name=name, digest=digest(data), document=data.decode())


def lines(document: str) -> list[str]:
    """A document for reading: a line a value, texts over several lines, nothing invisible.

    Two documents that differ never read the same, however long they are: nothing is cut without its digest.
    """
    found: list[str] = []
    for path, value in _leaves(msgspec.json.decode(document)):
        if isinstance(value, str) and ("\n" in value or len(value) > _WIDTH):
            found.append(f"{path} =")
            found += [f"    {piece}" for line in value.split("\n") for piece in _pieces(visible(line))]
        else:
            shown = f'"{visible(value)}"' if isinstance(value, str) else msgspec.json.encode(value).decode()
            found.append(f"{path}: {shown}")
    if len(found) > _LINES:
        rest = digest("\n".join(found[_LINES:]).encode())
        return [*found[:_LINES], f"… {len(found) - _LINES} more lines, {rest}"]
    return found


def diff(old: Definition | None, new: Definition | None) -> str:
    """What a person has to judge: a unified diff of the readable lines, empty when both are the same."""
    before, after = (lines(one.document) if one else [] for one in (old, new))
    names = ["approved" if old else "nothing", "now" if new else "removed"]
    found = difflib.unified_diff(before, after, *names, lineterm="", n=2)
    return "".join(f"{line}\n" for line in found)


def visible(text: str) -> str:
    """The text with what a reader could not see, or that would turn it around, written out; never ambiguous."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in _HIDDEN else "\\\\" if char == "\\" else char
        for char in text
    )


def _pieces(line: str) -> list[str]:
    """A long line in pieces that end at a space where there is one, so that a change shows where it is."""
    pieces: list[str] = []
    while len(line) > _WIDTH:
        cut = line.find(" ", _WIDTH) + 1
        cut = cut if 0 < cut <= 2 * _WIDTH else _WIDTH
        pieces.append(f"{line[:cut]}\\")
        line = line[cut:]
    return [*pieces, line]


def _leaves(root: Any) -> Iterator[tuple[str, Any]]:
    """Every value that holds no other, with its path, in order."""
    stack: list[tuple[str, Any]] = [("$", root)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value:
            stack.extend(reversed([(f"{path}{_step(key)}", item) for key, item in value.items()]))
        elif isinstance(value, list) and value:
            stack.extend(reversed([(f"{path}[{number}]", item) for number, item in enumerate(value)]))
        else:
            yield path.removeprefix("$.") or "$", value


def _step(key: str) -> str:
    return f".{key}" if _PLAIN.fullmatch(key) else f'["{visible(key)}"]'
