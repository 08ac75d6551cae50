"""A server's answer as the caller's era expects it, and as the record keeps it."""

from typing import Any

import msgspec
from msgspec import Raw

from app.core.canonical import digest
from app.core.errors import UpstreamError
from app.mcp.protocol import INVALID_PARAMS, METHOD_NOT_FOUND, Era, names
from app.mcp.upstream.ports import Reply

RECORDED = 1024 * 1024
"""Bytes of a result that are decoded for the record; of a larger one the digest is kept."""
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_MODERN_ONLY = ("resultType", "ttlMs", "cacheScope")
CACHED = frozenset(
    {
        "resources/read",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "skills/list",
        "skills/get",
    }
)
_STATUS = {
    METHOD_NOT_FOUND: 404,
    INVALID_PARAMS: 400,
    -32700: 400,
    -32600: 400,
    -32020: 400,
    -32021: 400,
    -32022: 400,
}


class Failure(msgspec.Struct, frozen=True):
    """The view of a JSON-RPC error object."""

    code: int = 0
    message: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """The view of a result that says whether the tool failed, or wants something first."""

    is_error: bool = msgspec.field(default=False, name="isError")
    kind: str = msgspec.field(default="complete", name="resultType")

    @property
    def done(self) -> bool:
        """Whether this is the answer, and not a wish for input before it."""
        return self.kind != "input_required"


def failure(reply: Reply) -> Failure | None:
    """The error of a reply; None when it is a result."""
    if reply.error is None:
        return None
    try:
        return msgspec.json.decode(reply.error, type=Failure)
    except msgspec.MsgspecError:
        raise UpstreamError("The tool server sent an error that cannot be read.", kind="protocol") from None


def outcome(result: Raw) -> Outcome:
    """Whether a result reports failure."""
    try:
        return msgspec.json.decode(result, type=Outcome)
    except msgspec.MsgspecError:
        raise UpstreamError("The tool server sent a result that cannot be read.", kind="protocol") from None


def status_of(code: int, era: Era) -> int:
    """The HTTP status of a JSON-RPC error: the modern era gives some codes one of their own."""
    return _STATUS.get(code, 200) if era == "modern" else 200


def fit(result: Raw, *, method: str, era: Era, from_era: Era) -> Raw | bytes:
    """The result in the caller's era; its own bytes wherever they fit already."""
    if era == "modern":
        if from_era == "modern" and method not in CACHED and b'"resultType"' in bytes(result):
            return result
        return msgspec.json.encode(with_envelope(_MEMBERS.decode(result), cached=method in CACHED))
    if from_era == "old":
        return result
    members = _MEMBERS.decode(result)
    return msgspec.json.encode({key: value for key, value in members.items() if key not in _MODERN_ONLY})


def with_envelope(members: dict[str, Any], *, cached: bool) -> dict[str, Any]:
    """Members of a modern result; what may be cached is private, because it was filtered for one caller."""
    whole = {"resultType": "complete", **members}
    return {"ttlMs": 0, **whole, "cacheScope": "private"} if cached else whole


def recorded(result: Raw) -> dict[str, Any]:
    """What the record keeps of a result."""
    data = bytes(result)
    if len(data) <= RECORDED:
        try:
            return msgspec.json.decode(data, type=dict[str, Any])
        except msgspec.MsgspecError:
            pass
    return {"sha256": digest(data), "bytes": len(data)}


def with_public_addresses(result: Raw, server: str) -> Raw | bytes:
    """A resource's contents under the addresses of the aggregated endpoint."""
    members: dict[str, Any] = dict(_MEMBERS.decode(result))
    if "contents" in members:
        contents = msgspec.json.decode(members["contents"], type=list[dict[str, Raw]])
        members["contents"] = [
            {**one, "uri": names.join_uri(server, _text(one.get("uri")))} for one in contents
        ]
    return msgspec.json.encode(members)


def _text(raw: Raw | None) -> str:
    return msgspec.json.decode(raw, type=str) if raw is not None else ""
