"""Arguments that a tool's schema mirrors into headers (`x-mcp-header`), and whether both say the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.mcp.protocol.envelope import decode_header
from app.mcp.protocol.messages import HEADER_MISMATCH, ProtocolError

_PREFIX = "mcp-param-"


def mirrored(schema: Mapping[str, Any]) -> dict[str, str]:
    """Name of an argument to the name of its header, of those that the schema mirrors; nested ones are none."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    marked = {
        name: one.get("x-mcp-header")
        for name, one in properties.items()
        if isinstance(one, dict) and one.get("type") in ("string", "number", "integer", "boolean")
    }
    return {name: token for name, token in marked.items() if isinstance(token, str) and token}


def agree(
    schema: Mapping[str, Any], arguments: Mapping[str, Any], headers: Sequence[tuple[str, str]]
) -> None:
    """Return if the headers of a call say what its arguments say; ProtocolError names the first that does not."""
    given: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in given:
            raise _differs(name)
        given[name.lower()] = value
    for argument, token in mirrored(schema).items():
        header = _PREFIX + token.lower()
        value = arguments.get(argument)
        found = given.get(header)
        if value is None and found is None:
            continue
        if value is None or found is None or not _same(value, decode_header(found)):
            raise _differs(f"Mcp-Param-{token}")


def _same(value: Any, text: str | None) -> bool:
    if text is None:
        return False
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        try:
            return float(text) == float(value)
        except (ValueError, OverflowError):
            return False
    return value == text


def _differs(header: str) -> ProtocolError:
    return ProtocolError(
        f"The header {header[:100]} does not agree with the body's argument.", number=HEADER_MISMATCH
    )
