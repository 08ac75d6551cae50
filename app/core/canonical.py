"""The bytes that are hashed and signed: UTF-8 JSON, members sorted, no white space, no NUL."""

import hashlib

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> bytes:
    """One byte string for one value; Structs leave out members that have their default."""
    return _ENCODER.encode(value)


def digest(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
