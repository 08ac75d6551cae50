"""Arguments that a tool's schema mirrors into HTTP headers (`x-mcp-header`, `Mcp-Param-*` of 2026-07-28)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.mcp.protocol.envelope import decode_header, encode_header
from app.mcp.protocol.messages import HEADER_MISMATCH, ProtocolError

MARK = "x-mcp-header"
Mirrors = Mapping[tuple[str, ...], str]
"""The place of an argument to the header's own part of its name."""
Headers = Sequence[tuple[str, str]]
_PREFIX = "Mcp-Param-"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_TYPES = frozenset({"string", "integer", "boolean"})
_DATA = frozenset({"default", "examples", "const", "enum"})
_NAMED = frozenset({"patternProperties", "dependentSchemas", "$defs", "definitions"})


def mirrors(schema: Any) -> Mirrors | None:
    """What a tool's input schema mirrors; None when one of its marks is invalid, and then the tool is not usable.

    A mark must stand on a string, integer or boolean that only `properties` lead to, and name a header of its own.
    """
    found: dict[tuple[str, ...], str] = {}
    for path, node in _schemas(schema):
        if MARK not in node:
            continue
        token = node[MARK]
        if not path or not isinstance(token, str) or not isinstance(node.get("type"), str):
            return None
        if (
            node["type"] not in _TYPES
            or not _TOKEN.fullmatch(token)
            or token.lower() in {other.lower() for other in found.values()}
        ):
            return None
        found[path] = token
    return found


def _schemas(root: Any) -> Iterator[tuple[tuple[str, ...] | None, dict[str, Any]]]:
    """All schemas in a schema; the path is None where more than `properties` led to it. References are not followed."""
    waiting: list[tuple[tuple[str, ...] | None, Any]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, list):
            waiting += [(None, one) for one in node]
        if not isinstance(node, dict):
            continue
        yield path, node
        for key, value in node.items():
            if key == "properties" and isinstance(value, dict):
                waiting += [((*path, name) if path is not None else None, one) for name, one in value.items()]
            elif key in _NAMED and isinstance(value, dict):
                waiting += [(None, one) for one in value.values()]
            elif key not in _DATA:
                waiting.append((None, value))


def headers_for(found: Mirrors, arguments: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers of a call with these arguments; what is absent or null has none."""
    values = {token: _written(_at(arguments, path)) for path, token in found.items()}
    return tuple(
        (_PREFIX + token, encode_header(text) if text else "")
        for token, text in values.items()
        if text is not None
    )


def agree(found: Mirrors, arguments: Mapping[str, Any], headers: Headers) -> None:
    """Return if the headers of a call say what its arguments say; ProtocolError names one that does not."""
    given: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in given:
            raise _differs(name)
        given[name.lower()] = value
    for path, token in found.items():
        value, header = _at(arguments, path), given.get((_PREFIX + token).lower())
        if value is None and header is None:
            continue
        if header is None or not _same(value, decode_header(header)):
            raise _differs(_PREFIX + token)


def _at(arguments: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, Mapping) else None
    return arguments


def _written(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _same(value: Any, text: str | None) -> bool:
    written = _written(value)
    if written is None or text is None:
        return written == text
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == float(value)
        except (ValueError, OverflowError):
            return False
    return written == text


def _differs(header: str) -> ProtocolError:
    return ProtocolError(
        f"The header {header[:100]} does not agree with the body's argument.", number=HEADER_MISMATCH
    )
