"""Failures as answers, where no door has put them into its own words."""

import logging

from aiohttp import web

from app.core.canonical import canonical
from app.core.errors import (
    DeniedError,
    InputError,
    NotFoundError,
    RecordUnavailableError,
    SallyportError,
)

log = logging.getLogger(__name__)

BROKEN = "internal_error", "Sallyport failed on this request; see its log."


def render(error: SallyportError) -> web.Response:
    """The answer to an expected failure that no door has put into its own words."""
    if isinstance(error, DeniedError):
        status = 401 if error.anonymous else 403
        response = error_response(status, error.decision.reason, error.message, trace_id=error.trace_id)
        if error.anonymous:
            response.headers["WWW-Authenticate"] = 'Bearer realm="sallyport"'
        return response
    if isinstance(error, RecordUnavailableError):
        response = error_response(503, "record_unavailable", str(error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    if isinstance(error, InputError):
        return error_response(error.status, error.code, str(error))
    if isinstance(error, NotFoundError):
        return error_response(404, "not_found", str(error))
    log.error("unrendered failure: %s", error)
    return error_response(503 if "Database" in type(error).__name__ else 500, "failed", str(error))


def error_response(status: int, code: str, message: str, *, trace_id: str = "") -> web.Response:
    """One JSON shape for errors outside the doors' dialects."""
    error = {"code": code, "message": message}
    if trace_id:
        error["trace_id"] = trace_id
    return web.Response(status=status, body=canonical({"error": error}), content_type="application/json")
