"""Protocol Buffers, as far as OTLP needs them: a message becomes the value that its JSON form has (proto3 JSON mapping).

Messages are described by their fields; what is not described is passed over. InputError for what is no such message.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from app.core.errors import InputError

Kind = Literal[
    "text", "hex", "bytes", "signed", "unsigned", "flag", "fixed64", "signed64", "double", "message"
]
MAX_DEPTH = 16
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIRE: Mapping[Kind, int] = {
    "text": _LENGTH,
    "hex": _LENGTH,
    "message": _LENGTH,
    "signed": _VARINT,
    "flag": _VARINT,
    "fixed64": _FIXED64,
    "signed64": _FIXED64,
    "double": _FIXED64,
}


_SCALARS: Mapping[Kind, Callable[[Any], Any]] = {
    "text": lambda value: value.decode(),
    "hex": lambda value: value.hex(),
    "signed": lambda value: value - (1 << 64) if value >> 63 else value,
    "flag": bool,
    "fixed64": lambda value: int.from_bytes(value, "little"),
    "signed64": lambda value: int.from_bytes(value, "little", signed=True),
    "double": lambda value: struct.unpack("<d", value)[0],
}


class Field(msgspec.Struct, frozen=True):
    """A field's name in JSON and what it holds; `of` gives a message's own fields."""

    name: str
    kind: Kind
    of: "Callable[[], Message] | None" = None
    many: bool = False


Message = Mapping[int, Field]


def read(data: bytes, message: Message, *, depth: int = 0) -> dict[str, Any]:
    """The members of one message."""
    if depth > MAX_DEPTH:
        raise _unreadable("it is nested too deep")
    found: dict[str, Any] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _value(data, at, tag & 7)
        field = message.get(tag >> 3)
        if field is None:
            continue
        if _WIRE[field.kind] != tag & 7:
            raise _unreadable(f"{field.name} has another type")
        told = _told(value, field, depth)
        if field.many:
            found.setdefault(field.name, []).append(told)
        else:
            found[field.name] = told
    return found


def _told(value: Any, field: Field, depth: int) -> Any:
    if field.kind == "message":
        return read(value, field.of() if field.of is not None else {}, depth=depth + 1)
    try:
        return _SCALARS[field.kind](value)
    except UnicodeDecodeError:
        raise _unreadable(f"{field.name} is not UTF-8") from None


def _value(data: bytes, at: int, wire: int) -> tuple[Any, int]:
    if wire == _VARINT:
        return _varint(data, at)
    if wire == _LENGTH:
        size, at = _varint(data, at)
    elif wire in (_FIXED64, _FIXED32):
        size = 8 if wire == _FIXED64 else 4
    else:
        raise _unreadable(f"wire type {wire}")
    if size > len(data) - at:
        raise _unreadable("it breaks off")
    return data[at : at + size], at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at + place >= len(data):
            raise _unreadable("it breaks off")
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise _unreadable("a number is too long")


def _unreadable(why: str) -> InputError:
    return InputError(f"The body is not the protobuf that it should be: {why}.", code="invalid_protobuf")
