"""The Model Context Protocol as pure values: bytes in, values out, no I/O.

Message    JSON-RPC 2.0, strict about what two parsers could read differently   (messages.py)
envelope   what 2026-07-28 puts into each request, and the headers beside it    (envelope.py)
Method     what a request is to policy: an action on a resource                 (methods.py)
names      how many servers share one endpoint                                  (names.py)
mirrored   arguments that headers repeat                                        (mirrored.py)
"""

from app.mcp.protocol.messages import (
    BATCHING,
    CANCELLED,
    FORBIDDEN,
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LATEST_OLD,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
    MODERN,
    OLD_VERSIONS,
    PARSE_ERROR,
    UNAVAILABLE,
    UNSUPPORTED_VERSION,
    Era,
    Message,
    ProtocolError,
    Wire,
    error,
    error_raw,
    notification,
    parse,
    progress,
    read_wire,
    request,
    result,
    with_id,
)

__all__ = [
    "BATCHING", "CANCELLED", "FORBIDDEN", "HEADER_MISMATCH", "INTERNAL_ERROR", "INVALID_PARAMS", "INVALID_REQUEST",
    "LATEST_OLD", "METHOD_NOT_FOUND", "MISSING_CAPABILITY", "MODERN", "OLD_VERSIONS", "PARSE_ERROR", "UNAVAILABLE",
    "UNSUPPORTED_VERSION", "Era", "Message", "ProtocolError", "Wire", "error", "error_raw", "notification", "parse",
    "progress", "read_wire", "request", "result", "with_id",
]  # fmt: skip
