"""The bytes that are hashed and signed: UTF-8 JSON, members sorted, no white space, no NUL."""

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> bytes:
    """One byte string for one value; Structs leave out members that have their default."""
    return _ENCODER.encode(value)


def digest(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def without_nul(value: Any) -> Any:
    """The value with U+0000 shown as U+2400, because PostgreSQL's jsonb cannot hold it."""
    if isinstance(value, str):
        return value.replace("\x00", "\u2400") if "\x00" in value else value
    if isinstance(value, dict):
        return {without_nul(key): without_nul(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nul(item) for item in value]
    return value
