"""The manifest of an export as the verifier reads it."""

import hashlib
from typing import Any

import msgspec

from app.audit.verify.unreadable import Unreadable
from app.core import jsonsafe
from app.core.errors import InputError

FORMAT = "sallyport.record/export/v1"


class Contents(msgspec.Struct, frozen=True):
    """Hex digests of the contents that stand beside."""

    names: list[str]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The members that are held against what is found."""

    format: str
    origin: str
    size: int
    first: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    rows: int
    absent: int
    contents: Contents
    files: dict[str, str]
    signed: bool
    epoch: int = 1
    unsealed: dict[str, Any] = {}
    epochs: list[dict[str, Any]] = []
    rotations: list[str] = []


def parse(data: bytes) -> Manifest:
    """The manifest; Unreadable says why it is none."""
    try:
        manifest = jsonsafe.convert(jsonsafe.decode_object(data), Manifest)
    except InputError as error:
        raise Unreadable(f"manifest.json cannot be used: {error.message}") from None
    if manifest.format != FORMAT or not 0 <= manifest.first <= manifest.end <= manifest.size < 1 << 63:
        raise Unreadable(f"manifest.json is not of the format {FORMAT}")
    return manifest


def signed_text(origin: str, data: bytes) -> bytes:
    """What must stand in `manifest.note`."""
    return f"{FORMAT}\n{origin}\nsha256:{hashlib.sha256(data).hexdigest()}\n".encode()
