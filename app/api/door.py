"""From a request to an answer: read, admit, run, render; nothing runs outside `admit`."""

import logging
from typing import Any

import msgspec
from aiohttp import web

from app.admission import Admission
from app.api.operation import Asked, Failure, Operation, Refusal
from app.core import jsonsafe, verdict
from app.core.call import NO_CREDENTIAL, BearerToken, Call, Credential, Resource
from app.core.errors import (
    ConflictError,
    DatabaseError,
    DeniedError,
    InputError,
    NotFoundError,
    RecordUnavailableError,
    SallyportError,
    UpstreamError,
)
from app.core.ids import Trace, continue_trace
from app.extensions import Endpoint, Params

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
_ENCODER = msgspec.json.Encoder()
_STATUS: tuple[tuple[type[SallyportError], int, str], ...] = (
    (NotFoundError, 404, "not_found"),
    (ConflictError, 409, "conflict"),
    (RecordUnavailableError, 503, "record_unavailable"),
    (DatabaseError, 503, "database_unavailable"),
    (UpstreamError, 502, "upstream_failed"),
)


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """A request's query and body as decoded; `fault` is why they could not be."""

    query: Any = None
    body: Any = None
    data: bytes = b""
    fault: InputError | None = None


def endpoint(operation: Operation, *, admission: Admission) -> Endpoint:
    """The operation as an endpoint of the server."""

    async def answer(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        trace = continue_trace(request.headers.get("traceparent"))
        params = {name: _public(value) for name, value in params.items()}
        try:
            parsed = await _parse(request, operation)
            async with admission.admit(_call(request, params, operation, parsed, trace)) as passage:
                if parsed.fault is not None:
                    raise parsed.fault
                asked = Asked(
                    passage=passage, params=params, query=parsed.query, body=parsed.body, data=parsed.data
                )
                result = await operation.run(asked)
                body = _ENCODER.encode(result) if operation.answer is not None else b""
        except SallyportError as error:
            return refuse(error, trace)
        except Exception:
            log.exception("%s %s failed", operation.method, operation.path)
            return refuse(SallyportError("Sallyport failed on this request.", remedy="See its log."), trace)
        response = _response(operation.status if body else 204, body, trace)
        response.headers["Server-Timing"] = passage.server_timing
        return response

    return answer


def refuse(error: SallyportError, trace: Trace) -> web.Response:
    """The one shape of every refusal and failure."""
    status, code = _told(error)
    remedy = error.remedy
    if (
        isinstance(error, DeniedError)
        and not error.anonymous
        and error.decision.reason == verdict.DEFAULT_DENY
    ):
        remedy = remedy or "Ask an administrator of this site; the trace id leads to the decision."
    failure = Failure(code=code, message=error.message, remedy=remedy, trace_id=trace.trace_id)
    response = _response(status, _ENCODER.encode(Refusal(error=failure)), trace)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="sallyport"'
    if isinstance(error, DeniedError) and error.decision.retry_after:
        response.headers["Retry-After"] = str(error.decision.retry_after)
    if status == 503:
        response.headers["Retry-After"] = str(getattr(error, "retry_after", 2))
    return response


def _told(error: SallyportError) -> tuple[int, str]:
    if isinstance(error, DeniedError):
        reason = error.decision.reason
        limited = reason in (verdict.OVER_BUDGET, verdict.TOO_MANY)
        return 429 if limited else 401 if error.anonymous else 403, reason
    if isinstance(error, InputError):
        return error.status, error.code
    return next(
        ((status, code) for kind, status, code in _STATUS if isinstance(error, kind)), (500, "internal_error")
    )


def _response(status: int, body: bytes, trace: Trace) -> web.Response:
    headers = {"traceparent": trace.traceparent, "Cache-Control": "no-store"}
    if not body:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, body=body, headers=headers, content_type="application/json")


def _call(
    request: web.BaseRequest, params: Params, operation: Operation, parsed: Parsed, trace: Trace
) -> Call:
    return Call(
        door="api",
        action=operation.action,
        resource=Resource(operation.kind, _about(operation, params, parsed.body)),
        trace=trace,
        credential=credential_of(request),
        arguments=_recorded(operation, params, parsed),
        client=request.headers.get("user-agent", "")[:200],
        address=request.remote or "",
    )


def _about(operation: Operation, params: Params, body: Any) -> str:
    if operation.about.startswith("body."):
        return getattr(body, operation.about.removeprefix("body."), "") or "unreadable"
    return operation.about.format_map(params)


def credential_of(request: web.BaseRequest) -> Credential:
    """Only the Authorization header: a cookie would let other sites' pages act through a browser."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return NO_CREDENTIAL
    return BearerToken(token=token.strip())


def _public(value: str) -> str:
    """Never more than the public part of an API key, even if a whole one was pasted into the path."""
    return value[:13] if value.startswith("sp_") else value


def _recorded(operation: Operation, params: Params, parsed: Parsed) -> dict[str, Any] | None:
    """What policy conditions see and the record keeps; secrets are left out."""
    found: dict[str, Any] = dict(params)
    for part in (parsed.query, parsed.body):
        if part is not None:
            found.update(msgspec.to_builtins(part))
    if operation.media == "application/yaml":
        found["bytes"] = len(parsed.data)
    return {name: value for name, value in found.items() if name not in operation.secret} or None


async def _parse(request: web.BaseRequest, operation: Operation) -> Parsed:
    """Decode query and body; a fault is told only to those who pass the corridor."""
    data = b""
    try:
        query = query_of(request, operation.query)
        if operation.takes_body:
            data = await _read(request, operation)
        if operation.body is None:
            return Parsed(query=query, data=data)
        return Parsed(
            query=query, data=data, body=jsonsafe.convert(jsonsafe.decode_object(data), operation.body)
        )
    except InputError as error:
        return Parsed(fault=error, data=data)


def query_of(request: web.BaseRequest, shape: type[msgspec.Struct] | None) -> Any:
    """The decoded query; InputError for a parameter that is unknown, given twice or of the wrong form."""
    given = request.rel_url.query
    if shape is None:
        if given:
            raise InputError(
                "This endpoint takes no query parameters.", remedy="Leave them out.", code="unknown_parameter"
            )
        return None
    if len(set(given)) != len(given):
        raise InputError(
            "A query parameter is given twice.", remedy="Give each once.", code="duplicate_parameter"
        )
    try:
        return msgspec.convert(dict(given), shape, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"The query does not fit: {error}.", code="invalid_parameter") from None


async def _read(request: web.BaseRequest, operation: Operation) -> bytes:
    accepted = _YAML if operation.media == "application/yaml" else {operation.media}
    if request.content_type not in accepted:
        raise InputError(f"Send Content-Type: {operation.media}.", status=415, code="unsupported_media_type")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InputError("Send the body without Content-Encoding.", status=415, code="unsupported_encoding")
    large = InputError(f"The body is larger than {MAX_BODY} bytes.", status=413, code="body_too_large")
    if (request.content_length or 0) > MAX_BODY:
        raise large
    data = await request.read()
    if len(data) > MAX_BODY:
        raise large
    return data
