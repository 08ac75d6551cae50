"""What the door sends back: JSON-RPC bodies with the HTTP status and headers that belong to them."""

import msgspec

from app.core import verdict
from app.core.errors import DatabaseError, DeniedError, EgressError, RecordUnavailableError, UpstreamError
from app.core.ids import Trace
from app.mcp import protocol
from app.mcp.protocol import FORBIDDEN, UNAVAILABLE, ProtocolError

CHALLENGE = 'Bearer realm="sallyport"'
_STATUS = {verdict.OVER_BUDGET: 429, verdict.TOO_MANY: 429}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; without a body it is the empty 202 of a notification."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = {}


def denied(identifier: bytes | None, error: DeniedError) -> Answer:
    """Policy's no, with what is needed to find it in the record and to ask for a change."""
    decision = error.decision
    data = {
        "reason": decision.reason,
        "rule_ids": list(decision.rule_ids),
        "policy_hash": decision.policy_hash,
        "trace_id": error.trace_id,
    }
    body = protocol.error(identifier, FORBIDDEN, decision.message, data)
    if error.anonymous:
        return Answer(body=body, status=401, headers={"WWW-Authenticate": CHALLENGE})
    return Answer(body=body, status=_STATUS.get(decision.reason, 403))


def refused(identifier: bytes | None, error: ProtocolError, *, trace: Trace) -> Answer:
    """A message that breaks the protocol."""
    data = {**(error.data or {}), "trace_id": trace.trace_id}
    return Answer(body=protocol.error(identifier, error.number, error.message, data), status=error.status)


def unavailable(identifier: bytes | None, error: RecordUnavailableError, *, trace: Trace) -> Answer:
    """The record is away, so nothing was done, or its outcome is not certain to be kept yet."""
    data = {"reason": "record_unavailable", "trace_id": trace.trace_id, "retry_after": error.retry_after}
    headers = {"Retry-After": str(error.retry_after)}
    return Answer(body=protocol.error(identifier, UNAVAILABLE, str(error), data), status=503, headers=headers)


def upstream_failed(identifier: bytes | None, error: UpstreamError | EgressError, *, trace: Trace) -> Answer:
    """The tool server failed; the session with us is well, so the HTTP exchange is too."""
    kind = error.kind if isinstance(error, UpstreamError) else "egress"
    data = {"reason": f"upstream_{kind}", "trace_id": trace.trace_id}
    return Answer(body=protocol.error(identifier, UNAVAILABLE, str(error), data))


def database_away(identifier: bytes | None, error: DatabaseError, *, trace: Trace) -> Answer:
    """Nothing was asked of a tool server, because what is kept of it cannot be read."""
    data = {"reason": "database_unavailable", "trace_id": trace.trace_id}
    body = protocol.error(identifier, UNAVAILABLE, str(error), data)
    return Answer(body=body, status=503, headers={"Retry-After": "2"})
