"""Strict JSON (RFC 8259, I-JSON RFC 7493): what two parsers could read differently is refused."""

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from app.core.errors import InputError

MAX_DEPTH = 64
T = TypeVar("T")
_UNSURE = object()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InputError(
            "The JSON body names a member twice.", remedy="Send each member once.", code="duplicate_member"
        )
    return members


def _constant(name: str) -> NoReturn:
    raise InputError(f"The JSON body contains {name}, which JSON does not know.", code="invalid_json")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)


def decode(data: bytes | bytearray, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a hostile JSON text; InputError on duplicates, depth, bad UTF-8, lone surrogates, truncation."""
    value = _compact(data)
    if value is _UNSURE:
        value = _thorough(data, max_depth)
    if data.count(b"{") + data.count(b"[") > max_depth and _depth(value) > max_depth:
        raise _too_deep(max_depth)
    return value


def _compact(data: bytes | bytearray) -> Any:
    """A text that encodes to its very bytes again names no member twice: four times faster, and the usual case."""
    try:
        value = msgspec.json.decode(data)
        return value if msgspec.json.encode(value) == data else _UNSURE
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return _UNSURE


def _thorough(data: bytes | bytearray, max_depth: int) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The body is not UTF-8 (byte {error.start}).", code="invalid_utf8") from None
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError as error:
        raise InputError(f"The body is not JSON: {error}.", code="invalid_json") from None
    if "\\ud" in text or "\\uD" in text:
        _refuse_lone_surrogates(value)
    return value


def decode_object(data: bytes | bytearray, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Like `decode`, for a text that must be an object."""
    value = decode(data, max_depth=max_depth)
    if not isinstance(value, dict):
        raise InputError("The body must be a JSON object.", code="invalid_json")
    return value


def convert(value: Any, type_: type[T]) -> T:
    """A typed view of a decoded value; InputError names the member that does not fit."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise InputError(f"The body does not fit: {error}.", code="invalid_shape") from None


def _too_deep(limit: int) -> InputError:
    return InputError(f"The JSON body is nested deeper than {limit} levels.", code="too_deep")


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("The JSON body contains half a surrogate pair.", code="lone_surrogate") from None


def _depth(value: Any) -> int:
    deepest = 0
    stack = [(value, 1)]
    while stack:
        item, level = stack.pop()
        deepest = max(deepest, level)
        if isinstance(item, dict):
            stack.extend((child, level + 1) for child in item.values() if isinstance(child, dict | list))
        elif isinstance(item, list):
            stack.extend((child, level + 1) for child in item if isinstance(child, dict | list))
    return deepest
