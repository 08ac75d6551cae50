"""What a node keeps of the record outside the database: published checkpoints, and statements about what is gone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from app.audit.sealing.outside import Line, Outside
from app.core.errors import InputError
from app.server.rooms.seal import outside_of
from app.server.site import Site

STATEMENTS = "statements"
T = TypeVar("T")


class _Statement(msgspec.Struct):
    note: str


def published(site: Site) -> Iterator[tuple[str, bytes]]:
    """Checkpoints with the place where they were found: the newest head, and each line of the append-only file."""
    return published_at(outside_of(site))


def published_at(outside: Outside) -> Iterator[tuple[str, bytes]]:
    """The same of any place."""
    if outside.head.exists():
        yield str(outside.head), outside.head.read_bytes()
    for place, text in _lines(outside.file):
        line = _decoded(text, Line, place)
        yield place, (line.checkpoint + "".join(line.cosignatures)).encode()


def statements(site: Site, further: Sequence[Path] = ()) -> list[tuple[str, bytes]]:
    """Signed statements of this node, and of other nodes whose files are given."""
    return statements_in([site.folder / "record" / STATEMENTS, *further])


def statements_in(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """The statements of such files."""
    return [
        (place, _decoded(text, _Statement, place).note.encode())
        for path in paths
        for place, text in _lines(path)
    ]


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Whole lines: one that a crash cut off was never relied upon."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            if text.endswith(b"\n"):
                yield f"{path}:{number}", text


def _decoded(text: bytes, type_: type[T], place: str) -> T:
    try:
        return msgspec.json.decode(text, type=type_)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{place} is damaged ({error}).", remedy="Put the file back from a backup."
        ) from None
