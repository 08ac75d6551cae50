"""JSON-RPC 2.0 as the Model Context Protocol uses it: bytes in, values out, no I/O."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.core import jsonsafe
from app.core.errors import InputError

OLD_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that begin with `initialize`, oldest first."""
LATEST_OLD = OLD_VERSIONS[-1]
BATCHING = "2025-03-26"
"""The one revision with batches; also what a request without a version header means."""
MODERN = "2026-07-28"
"""The revision in which every request stands alone."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
FORBIDDEN = -32003
"""Ours: policy says no; `data` carries reason, rule ids and trace id."""
UNAVAILABLE = -32004
"""Ours: the tool server or the record cannot be reached; nothing was decided by the tool."""
CANCELLED = -32005
"""Ours: the caller cancelled this request."""
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022

MAX_BATCH = 50
Era = Literal["old", "modern"]


class ProtocolError(InputError):
    """A message that breaks the protocol; answered with its JSON-RPC `number` and HTTP `status`."""

    def __init__(
        self,
        message: str,
        *,
        number: int,
        status: int = 400,
        data: dict[str, Any] | None = None,
        id: bytes | None = None,  # noqa: A002 - the wire's name
    ) -> None:
        super().__init__(message, status=status, code="protocol_error")
        self.number = number
        self.data = data
        self.id = id


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A request (`method` and `id`), a notification (`method`) or a response (`id` alone).

    `params` is the decoded view, `raw` holds the original bytes of its members, which are what is forwarded.
    """

    method: str = ""
    id: bytes | None = None
    params: dict[str, Any] = {}
    raw: dict[str, Raw] = {}
    body: bytes = b""
    """For a response: its original bytes."""

    @property
    def kind(self) -> Literal["request", "notification", "response"]:
        """Which of the three this is."""
        if not self.method:
            return "response"
        return "notification" if self.id is None else "request"

    @property
    def meta(self) -> dict[str, Any]:
        """`params._meta`, or an empty object when it is absent or no object."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}


class Wire(msgspec.Struct, kw_only=True):
    """The members of any JSON-RPC message, values kept as the bytes that came."""

    id: Raw | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


_WIRE = msgspec.json.Decoder(Wire)
_RAWS = msgspec.json.Decoder(list[Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def parse(body: bytes) -> tuple[list[Message], bool]:
    """The messages of a request body and whether they came as a batch; ProtocolError says what is wrong."""
    try:
        value = jsonsafe.decode(body)
    except InputError as error:
        raise ProtocolError(str(error), number=PARSE_ERROR, data={"reason": error.code}) from None
    try:
        if not isinstance(value, list):
            return [_message(value, body)], False
        if not 0 < len(value) <= MAX_BATCH:
            raise ProtocolError(f"A batch holds 1 to {MAX_BATCH} messages.", number=INVALID_REQUEST)
        parts = zip(value, _RAWS.decode(body), strict=True)
        return [_message(item, bytes(raw)) for item, raw in parts], True
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"The body is not a JSON-RPC message: {error}.", number=INVALID_REQUEST) from None


def _message(value: Any, body: bytes) -> Message:
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise ProtocolError("The body is not a JSON-RPC 2.0 message.", number=INVALID_REQUEST)
    identifier = _identifier(value)
    if "method" not in value:
        if identifier is None or ("result" in value) == ("error" in value):
            raise ProtocolError(
                "A message without method is a response with id and result or error.", number=INVALID_REQUEST
            )
        return Message(id=identifier, body=body)
    method, params = value["method"], value.get("params", {})
    if not isinstance(method, str) or not method:
        raise ProtocolError("The member method must be a string.", number=INVALID_REQUEST, id=identifier)
    if not isinstance(params, dict):
        raise ProtocolError("The member params must be an object.", number=INVALID_PARAMS, id=identifier)
    wire = _WIRE.decode(body)
    raw = {} if wire.params is UNSET else _MEMBERS.decode(wire.params)
    return Message(method=method, id=identifier, params=params, raw=raw)


def _identifier(value: dict[str, Any]) -> bytes | None:
    if "id" not in value:
        return None
    identifier = value["id"]
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        raise ProtocolError("The member id must be a string or an integer.", number=INVALID_REQUEST)
    if isinstance(identifier, str) and len(identifier) > 1024:
        raise ProtocolError("The member id is longer than 1024 characters.", number=INVALID_REQUEST)
    return msgspec.json.encode(identifier)


def read_wire(line: bytes) -> Wire | None:
    """One message of a tool server, its values still bytes; None when it is no JSON object."""
    try:
        return _WIRE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def result(identifier: bytes, value: Raw | bytes) -> bytes:
    """A response around the result's own bytes."""
    return b'{"jsonrpc":"2.0","id":' + identifier + b',"result":' + bytes(value) + b"}"


def error(identifier: bytes | None, number: int, message: str, data: Any = None) -> bytes:
    """An error response; the id is null when the request's could not be read."""
    body: dict[str, Any] = {"code": number, "message": message}
    if data is not None:
        body["data"] = data
    return error_raw(identifier, msgspec.json.encode(body))


def error_raw(identifier: bytes | None, value: Raw | bytes) -> bytes:
    """An error response around the error object's own bytes."""
    return b'{"jsonrpc":"2.0","id":' + (identifier or b"null") + b',"error":' + bytes(value) + b"}"


def request(identifier: int | str, method: str, params: dict[str, Any]) -> bytes:
    """A request of ours; members of `params` may be the caller's original bytes (Raw)."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params})


def progress(params: Raw, token: Raw) -> bytes:
    """A progress notification under the token that its receiver chose."""
    return notification("notifications/progress", {**_MEMBERS.decode(params), "progressToken": token})


def with_id(response: bytes, identifier: bytes) -> bytes:
    """A response's own bytes under another id."""
    wire = _WIRE.decode(response)
    if wire.error is not UNSET:
        return error_raw(identifier, wire.error)
    return result(identifier, wire.result if wire.result is not UNSET else b"{}")


def notification(method: str, params: dict[str, Any]) -> bytes:
    """A notification of ours."""
    return msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params})
