"""The manifest of a medium: what is on it, which number it has, and what it may follow."""

import hashlib
import re

import msgspec

from app.core import jsonsafe
from app.core.errors import ReleaseError, SallyportError
from app.release.keyset import LARGEST, NAME, Keyset, require_quorum, statement

MAX_BYTES = 1024 * 1024
MAX_FILES = 2000
MAX_TOTAL = 1024 * 1024 * 1024
RELEASE = "release"
BUNDLES = ("prices", "policies")
"""Kinds of data that travel by themselves."""
_KIND = re.compile(r"[a-z][a-z-]{0,31}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}){0,4}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RESERVED = ("manifest.json", "manifest.note")


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: where it is on the medium, its size, and its SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Schemas of the database that the program opens, and the one that it makes of them."""

    first: int
    last: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A medium; `number` grows with each release of its kind, `minimum` is the number it may follow at least."""

    name: str
    kind: str
    version: str
    number: int
    files: tuple[Item, ...]
    minimum: int = 0
    program: str = ""
    schema: Schema | None = None

    @property
    def item(self) -> Item:
        """The file of the program."""
        return next(item for item in self.files if item.path == self.program)

    @property
    def folder(self) -> str:
        """The name of the folder in which a release is installed."""
        return f"{self.version}-{self.number}-{self.item.sha256[:12]}"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest with enough signatures, and its very bytes."""

    manifest: Manifest
    data: bytes
    note: bytes
    signed: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """SHA-256 of the manifest in hex."""
        return hashlib.sha256(self.data).hexdigest()


def verify_manifest(data: bytes, note: bytes, keyset: Keyset) -> Verified:
    """The manifest, if a quorum of the keyset signed these bytes; nothing of it is looked at before."""
    if len(data) > MAX_BYTES:
        raise ReleaseError(f"A manifest has at most {MAX_BYTES} bytes.")
    kind, number = _claimed(note)
    signed = require_quorum(keyset, statement(keyset.name, kind, number, data), note)
    if kind not in (RELEASE, *BUNDLES):
        raise _unknown(kind)
    manifest = parse_manifest(data)
    if (manifest.name, manifest.kind, manifest.number) != (keyset.name, kind, number):
        raise ReleaseError("The manifest is of another name, kind or number than its signatures say.")
    return Verified(manifest=manifest, data=data, note=note, signed=tuple(signed))


def _claimed(note: bytes) -> tuple[str, int]:
    """Kind and number that the note's first line claims; the signatures cover them."""
    first = note.split(b"\n", 1)[0].decode("utf-8", "replace")
    _, kind, number = (["", *first.rsplit("/", 2)])[-3:] if first.count("/") >= 2 else ("", "", "")
    if not _KIND.fullmatch(kind) or not re.fullmatch(r"[1-9]\d{0,15}", number):
        raise ReleaseError("The note beside the manifest is not one of a release.")
    return kind, int(number)


def parse_manifest(data: bytes) -> Manifest:
    """A manifest in which everything is within bounds; ReleaseError says what is not."""
    try:
        manifest = jsonsafe.convert(jsonsafe.decode_object(data, max_depth=6), Manifest)
    except SallyportError as error:
        raise ReleaseError(f"The manifest cannot be read: {error.message}") from None
    if not NAME.fullmatch(manifest.name) or not _VERSION.fullmatch(manifest.version):
        raise ReleaseError("The manifest has no usable name or version.")
    if not 1 <= manifest.number <= LARGEST or not 0 <= manifest.minimum < manifest.number:
        raise ReleaseError("The numbers of the manifest are out of bounds.")
    _check_files(manifest)
    _CHECKS.get(manifest.kind, _check_bundle)(manifest)
    return manifest


def _check_files(manifest: Manifest) -> None:
    if not 1 <= len(manifest.files) <= MAX_FILES:
        raise ReleaseError(f"A manifest names 1 to {MAX_FILES} files.")
    for item in manifest.files:
        if not _PATH.fullmatch(item.path) or item.path in _RESERVED or len(item.path) > 255:
            raise ReleaseError(f"The manifest names a path that is not allowed: {item.path[:80]!r}.")
        if not 0 <= item.bytes <= MAX_TOTAL or not _SHA256.fullmatch(item.sha256):
            raise ReleaseError(f"Size or digest of {item.path} is not well-formed.")
    paths = [item.path for item in manifest.files]
    if len({path.lower() for path in paths}) != len(paths):
        raise ReleaseError("The manifest names a file twice.")
    folders = {path.rsplit("/", depth)[0] for path in paths for depth in range(1, path.count("/") + 1)}
    if folders & set(paths):
        raise ReleaseError("The manifest names a file that is also a folder.")
    if sum(item.bytes for item in manifest.files) > MAX_TOTAL:
        raise ReleaseError(f"The files of the manifest have more than {MAX_TOTAL} bytes.")


def _check_release(manifest: Manifest) -> None:
    if manifest.program not in [item.path for item in manifest.files]:
        raise ReleaseError("The manifest of a release names its program among its files.")
    if manifest.schema is None or not 1 <= manifest.schema.first <= manifest.schema.last:
        raise ReleaseError("The manifest of a release says which schemas its program opens.")


def _check_bundle(manifest: Manifest) -> None:
    if manifest.kind not in BUNDLES:
        raise _unknown(manifest.kind)
    if manifest.program or manifest.schema is not None:
        raise ReleaseError("A bundle of data has no program and no schema.")


def _unknown(kind: str) -> ReleaseError:
    return ReleaseError(
        f"This file does not know media of kind {kind[:40]!r}.",
        remedy=f"It knows: {', '.join((RELEASE, *BUNDLES))}. A newer release may know more.",
    )


_CHECKS = {RELEASE: _check_release}
