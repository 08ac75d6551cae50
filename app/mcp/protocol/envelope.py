"""The per-request envelope of MCP 2026-07-28: `_meta` in the body, and headers that must agree with it."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from app.mcp.protocol.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    MODERN,
    OLD_VERSIONS,
    UNSUPPORTED_VERSION,
    Era,
    Message,
    ProtocolError,
)

PREFIX = "io.modelcontextprotocol/"
VERSION = PREFIX + "protocolVersion"
CAPABILITIES = PREFIX + "clientCapabilities"
CLIENT_INFO = PREFIX + "clientInfo"
SERVER_INFO = PREFIX + "serverInfo"
TASKS = PREFIX + "tasks"
SKILLS = PREFIX + "skills"
"""Extensions, as they stand among capabilities."""
LOG_LEVEL = PREFIX + "logLevel"
SUBSCRIPTION = PREFIX + "subscriptionId"

_NAMED = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
_ONCE = frozenset({"mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "last-event-id"})
_ENCODED = re.compile(r"=\?base64\?([A-Za-z0-9+/=]*)\?=")
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """The headers of a POST that the protocol gives a meaning to."""

    version: str | None = None
    method: str | None = None
    name: str | None = None
    session: str | None = None
    last_event: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    """`Mcp-Param-*`, compared with the arguments that a tool says they repeat; never decided by."""


def read_headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Pick them out of all header lines; one given twice is refused, because readers would differ."""
    seen: dict[str, str] = {}
    params: list[tuple[str, str]] = []
    for name, value in pairs:
        key = name.lower()
        if key in _ONCE:
            if key in seen:
                raise ProtocolError(f"The header {name} is given twice.", number=HEADER_MISMATCH)
            seen[key] = value
        elif key.startswith("mcp-param-"):
            params.append((name, value))
    return Headers(
        version=seen.get("mcp-protocol-version"),
        method=seen.get("mcp-method"),
        name=seen.get("mcp-name"),
        session=seen.get("mcp-session-id"),
        last_event=seen.get("last-event-id"),
        params=tuple(params),
    )


def era_of(message: Message, headers: Headers) -> Era:
    """Which era a message belongs to: the body decides, and only where it is silent the version header."""
    if VERSION in message.meta or message.method == "server/discover":
        return "modern"
    if message.method == "initialize":
        return "old"
    if headers.version is None or headers.version in OLD_VERSIONS:
        return "old"
    return "modern"


def check(message: Message, headers: Headers) -> None:
    """Refuse a modern request whose envelope is incomplete, contradicts its headers or names a foreign version."""
    meta = message.params.get("_meta")
    if not isinstance(meta, dict):
        meta = {}
    if missing := [key for key in (VERSION, CAPABILITIES) if key not in meta]:
        raise ProtocolError(f"params._meta must carry {', '.join(missing)}.", number=INVALID_PARAMS)
    if headers.version is None or headers.version != meta[VERSION]:
        raise _mismatch("MCP-Protocol-Version", f"params._meta[{VERSION!r}]")
    if headers.method != message.method:
        raise _mismatch("Mcp-Method", "method")
    if key := _NAMED.get(message.method):
        value = message.params.get(key)
        if value is not None and decode_header(headers.name) != value:
            raise _mismatch("Mcp-Name", f"params.{key}")
    if meta[VERSION] != MODERN:
        raise unsupported(meta[VERSION])
    if not isinstance(meta[CAPABILITIES], dict):
        raise ProtocolError(f"params._meta[{CAPABILITIES!r}] must be an object.", number=INVALID_PARAMS)


def unsupported(requested: Any) -> ProtocolError:
    """The refusal that lists what is spoken here."""
    return ProtocolError(
        "This protocol version is not supported.",
        number=UNSUPPORTED_VERSION,
        data={"supported": [MODERN], "requested": requested},
    )


def _mismatch(header: str, member: str) -> ProtocolError:
    return ProtocolError(
        f"The header {header} does not agree with the body's {member}.", number=HEADER_MISMATCH
    )


def named_by(message_method: str) -> str | None:
    """The member of `params` that `Mcp-Name` repeats for this method."""
    return _NAMED.get(message_method)


def encode_header(value: str) -> str:
    """A value as it may stand in a header: printable ASCII as it is, anything else as `=?base64?…?=`."""
    if _PLAIN.fullmatch(value) and not _ENCODED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def decode_header(value: str | None) -> str | None:
    """The inverse; None for an absent header and for an encoding that has a second reading."""
    if value is None or not (match := _ENCODED.fullmatch(value)):
        return value
    try:
        raw = base64.b64decode(match[1], validate=True)
        return raw.decode() if base64.b64encode(raw).decode() == match[1] else None
    except (binascii.Error, UnicodeDecodeError):
        return None
