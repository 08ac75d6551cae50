"""What clients get to see: failures in their dialect, headers in and out."""

import math
from collections.abc import Iterable

from app.core import verdict
from app.core.errors import (
    DeniedError,
    InputError,
    NotFoundError,
    RecordUnavailableError,
    SallyportError,
    UpstreamError,
)
from app.core.ids import Trace
from app.extensions import Response
from app.gateway.dialects import Dialect

_FORWARDED = frozenset(("accept", "content-type", "user-agent", "idempotency-key", "openai-beta"))
_FORWARDED_PREFIXES = "anthropic-", "x-stainless-", "x-claude-code-"
_DROPPED = frozenset(
    (
        "alt-svc",
        "content-encoding",
        "content-length",
        "date",
        "request-id",
        "server",
        "server-timing",
        "set-cookie",
        "set-cookie2",
        "strict-transport-security",
        "traceparent",
        "www-authenticate",
        "x-request-id",
    )
)


class ToolRefusedError(SallyportError):
    """A tool use in the answer was not permitted."""


def _failed(dialect: Dialect, trace: Trace, *, status: int, message: str, code: str) -> Response:
    """An error body in a dialect, with the trace in body and headers."""
    body = dialect.error(status=status, message=message, code=code, trace_id=trace.trace_id)
    return json_response(body, trace_headers(trace), status=status)


def json_response(body: bytes, headers: dict[str, str], *, status: int = 200) -> Response:
    """A whole answer of JSON."""
    return Response(status=status, body=body, headers=headers | {"Content-Type": "application/json"})


def failure(error: SallyportError, *, dialect: Dialect, trace: Trace) -> Response:
    """The answer to an expected failure. A denial is 400: clients take 403 as a call to sign in again."""
    if isinstance(error, DeniedError):
        return _denied(error, dialect, trace)
    if isinstance(error, RecordUnavailableError):
        response = _failed(dialect, trace, status=503, message=str(error), code="record_unavailable")
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    status, code = kind_of(error)
    response = _failed(dialect, trace, status=status, message=str(error), code=code)
    if isinstance(error, UpstreamError) and error.retry_after:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def kind_of(error: SallyportError) -> tuple[int, str]:
    """HTTP status and stable code of a failure that is not a denial."""
    if isinstance(error, InputError):
        return error.status, error.code
    if isinstance(error, UpstreamError):
        return error.status, f"upstream_{error.kind}"
    if isinstance(error, NotFoundError):
        return 404, "model_not_found"
    if isinstance(error, ToolRefusedError):
        return 400, "tool_use_denied"
    if isinstance(error, RecordUnavailableError):
        return 503, "record_unavailable"
    return 502, "failed"


def denial_text(error: DeniedError) -> str:
    """The decision in words, with its rules and trace."""
    rules = ", ".join(error.decision.rule_ids)
    where = f"rule {rules}, trace {error.trace_id}" if rules else f"trace {error.trace_id}"
    return f"{error.message} ({where})"


def forwarded(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The client's headers that travel to the provider: never a credential, a cookie or an address."""
    chosen: list[tuple[str, str]] = []
    for key, value in headers:
        name = key.lower()
        if name in _FORWARDED or name.startswith(_FORWARDED_PREFIXES):
            chosen.append((name, value))
    return chosen


def returned(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The provider's headers that travel to the client."""
    return {key: value for key, value in headers if key not in _DROPPED}


def trace_headers(trace: Trace) -> dict[str, str]:
    """Where clients and their logs find the trace."""
    return {"traceparent": trace.traceparent, "x-request-id": trace.trace_id, "request-id": trace.trace_id}


def _denied(error: DeniedError, dialect: Dialect, trace: Trace) -> Response:
    reason = error.decision.reason
    status = 401 if error.anonymous else 400
    if reason in (verdict.OVER_BUDGET, verdict.TOO_MANY):
        status = 429
    response = _failed(dialect, trace, status=status, message=denial_text(error), code=reason)
    response.headers["x-should-retry"] = "false"
    if status == 429:
        response.headers["Retry-After"] = "60"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="sallyport"'
    return response
