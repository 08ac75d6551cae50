"""The manifest of an export: what it holds, in a form that is signed as a whole."""

import hashlib
from typing import Any

import msgspec

FORMAT = "sallyport.record/export/v1"


class Contents(msgspec.Struct, frozen=True):
    """Contents that stand beside their rows: the hex digests by which they are named, sorted, and their bytes."""

    names: list[str]
    bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`from` and `to` are leaves, `to` excluded; `rows` are there, `absent` ones were dropped under a statement."""

    program: str
    made: str
    epoch: int
    origin: str
    size: int
    root: str
    first: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    rows: int
    absent: int
    asked: dict[str, Any]
    contents: Contents
    unsealed: dict[str, Any]
    epochs: list[dict[str, Any]]
    rotations: list[str]
    files: dict[str, str]
    signed: bool
    format: str = FORMAT

    def encoded(self) -> bytes:
        """The bytes of `manifest.json`: for people to read, and for the signature to cover."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=1) + b"\n"


def signed_text(origin: str, manifest: bytes) -> str:
    """The text of `manifest.note`; its first line keeps it apart from checkpoints."""
    return f"{FORMAT}\n{origin}\nsha256:{hashlib.sha256(manifest).hexdigest()}\n"
