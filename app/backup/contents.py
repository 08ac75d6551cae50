"""What a backup says of itself: the manifest at its beginning, the signed list of all parts at its end."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from app.backup.parts import Part
from app.core.canonical import canonical
from app.core.errors import InputError
from app.core.jsonsafe import decode_object

FORMAT = "sallyport.backup/v1"
MOST_MANIFEST = 4 * 1024 * 1024
MOST_CONTENTS = 512 * 1024 * 1024
MOST_NOTE = 64 * 1024
T = TypeVar("T")


class Columns(msgspec.Struct, frozen=True):
    """A table and the order of its columns in the backup."""

    name: str
    columns: list[str]


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """The database at the moment of the backup. `migrations` are numbers and checksums."""

    version: int
    migrations: list[tuple[int, str]]
    tables: list[Columns]
    months: list[str]
    bytes: int = 0


class Sealed(msgspec.Struct, frozen=True):
    """The newest signed head of the record: origin, size, root (base64)."""

    origin: str
    size: int
    root: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """First part: where the backup is from and what is in it."""

    format: str
    created: str
    release: str
    node: str
    embedded: bool
    database: Database
    sealed: Sealed | None
    keys: list[str]
    included: list[str]
    left_out: list[str]
    elsewhere: list[str]

    @property
    def schema(self) -> int:
        """The number of the newest migration."""
        return max((number for number, _ in self.database.migrations), default=0)


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """Last part but the signature: every part before it, and the rows of each table."""

    format: str
    parts: list[Part]
    rows: dict[str, int]
    bytes: int

    @property
    def digest(self) -> str:
        """SHA-256 of the first part, which all statements about this backup name it by."""
        return self.parts[0].sha256


def rendered(value: Manifest | Contents) -> bytes:
    """The bytes of a part."""
    return canonical(msgspec.to_builtins(value))


def parsed(data: bytes, kind: type[T], *, name: str) -> T:
    """A part read back; InputError when it is not what this format has there."""
    try:
        return msgspec.convert(decode_object(data), kind)
    except (msgspec.ValidationError, InputError) as error:
        raise InputError(
            f"{name} of the backup cannot be read: {error}.", remedy="Take another backup."
        ) from None


def statement(contents: bytes, origin: str) -> str:
    """The text that is signed: this file, of this record, has these contents."""
    return f"{FORMAT}\n{origin}\n{hashlib.sha256(contents).hexdigest()}\n"


def compare(contents: Contents, found: Sequence[Part]) -> None:
    """InputError unless the parts are those that were signed, in their order."""
    if contents.format != FORMAT:
        raise InputError(f"The backup is of the format {contents.format[:60]!r}.", remedy="Use a newer file.")
    for signed, there in zip(contents.parts, found, strict=False):
        if signed != there:
            raise InputError(
                f"{there.name[:100]} of the backup is not what was signed.", remedy="Take another backup."
            )
    if len(contents.parts) != len(found):
        raise InputError("The backup lacks parts, or has too many.", remedy="Take another backup.")
