"""One AI request: read it, admit it, send its bytes on, judge and relay what comes back."""

import asyncio
import time
from functools import partial

import msgspec
from aiohttp import web

from app.admission import Admission
from app.core.call import NO_CREDENTIAL, BearerToken, Call, Credential, Resource
from app.core.errors import DeniedError, InputError, NotFoundError, SallyportError, UpstreamError
from app.core.ids import Trace, continue_trace
from app.core.passage import Passage
from app.core.usage import Usage
from app.egress.http import Reply, end_to_end
from app.gateway.ask import Ask, read_ask, with_model
from app.gateway.dialects import Dialect, Said
from app.gateway.models import Models, Target
from app.gateway.relay import Relay
from app.gateway.render import ToolRefusedError, failure, forwarded, returned, trace_headers
from app.gateway.tooluse import refusal

ANSWER_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 1024 * 1024
OUTPUT_TOKENS = 8192
"""What a request without max_tokens may reserve."""
_UNREAD = Ask(body=b"", members={}, model="unreadable", stream=False, max_tokens=None, tools=())


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint of a dialect: `path` below the provider's base URL; free ones count no tokens."""

    dialect: Dialect
    path: str
    free: bool = False


class Invocation:
    """The gateway's endpoint logic for all operations."""

    def __init__(self, *, admission: Admission, models: Models, heartbeat: float) -> None:
        self._admission = admission
        self._heartbeat = heartbeat
        self._models = models

    async def serve(self, operation: Operation, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever happens, in the operation's dialect."""
        trace = continue_trace(request.headers.get("traceparent"))
        unusable: InputError | None = None
        ask = _UNREAD
        try:
            ask = read_ask(await _body(request))
        except InputError as error:
            unusable = error
        target = self._models.find(ask.model)
        try:
            async with self._admission.admit(_call(operation, request, trace, ask, target)) as passage:
                problem = unusable or _problem(operation, ask, target)
                if problem is not None or target is None:
                    passage.note(status="refused", error=str(problem))
                    raise problem or NotFoundError("No such model.")
                return await self._forward(operation, request, passage, ask, target)
        except DeniedError as error:
            shown = unusable if unusable is not None and not error.anonymous else error
            return failure(shown, dialect=operation.dialect, trace=trace)
        except SallyportError as error:
            return failure(error, dialect=operation.dialect, trace=trace)

    async def _forward(
        self, operation: Operation, request: web.BaseRequest, passage: Passage, ask: Ask, target: Target
    ) -> web.StreamResponse:
        headers = forwarded(request.headers.items())
        credential = self._models.credential(passage, target)
        if credential is not None:
            headers.append(credential)
        renamed = target.upstream_model != ask.model
        body = with_model(ask.body, target.upstream_model) if renamed else ask.body
        query = request.rel_url.raw_query_string
        path = f"{operation.path}?{query}" if query else operation.path
        started = time.monotonic()
        heartbeat = self._heartbeat if ask.stream else 0.0
        try:
            reply = await target.upstream.request(passage, "POST", path, headers, body, heartbeat=heartbeat)
            async with reply:
                passage.timings["upstream"] = time.monotonic() - started
                if not 200 <= reply.status < 300:
                    return await self._refused_upstream(operation.dialect, passage, reply)
                _readable(reply)
                if reply.header("content-type").startswith("text/event-stream"):
                    return await self._stream(request, passage, reply, ask, target)
                return await self._whole(operation, passage, reply, ask, target)
        except asyncio.CancelledError:
            if not passage.settled and not passage.usage.total:
                _spend(passage, target, Said().spent(len(ask.body)))
            raise

    async def _stream(
        self, request: web.BaseRequest, passage: Passage, reply: Reply, ask: Ask, target: Target
    ) -> web.StreamResponse:
        judge = partial(refusal, self._admission, passage)
        redact = self._models.redactor.data
        relay = Relay(passage=passage, dialect=target.dialect, reply=reply, judge=judge, redact=redact)

        def spent() -> None:
            said = relay.reader.said
            _spend(passage, target, said.spent(len(ask.body)))
            passage.note(result=said.recorded())

        try:
            return await relay.run(request, spent)
        finally:
            if not passage.settled:
                spent()

    async def _whole(
        self, operation: Operation, passage: Passage, reply: Reply, ask: Ask, target: Target
    ) -> web.StreamResponse:
        body = await reply.read(ANSWER_LIMIT)
        if not operation.free:
            said = target.dialect.read(body)
            _spend(passage, target, said.spent(len(ask.body)))
            passage.note(result=said.recorded())
            why = await refusal(self._admission, passage, said.tools) if said.tools else ""
            if why:
                passage.note(status="refused", error=why)
                raise ToolRefusedError(why)
        headers = returned(end_to_end(reply.headers)) | trace_headers(passage.trace)
        headers["server-timing"] = passage.server_timing
        body = self._models.redactor.json(body, source="The provider")
        return web.Response(status=reply.status, body=body, headers=headers)

    async def _refused_upstream(self, dialect: Dialect, passage: Passage, reply: Reply) -> web.StreamResponse:
        """The provider's own error, except its secrets, and where the client would take it as its own sign-in."""
        passage.note(status="error", error=f"The provider answered {reply.status}.")
        if reply.status in (401, 403):
            raise UpstreamError(
                "The provider refuses Sallyport's own key; the key in the profile must be renewed.",
                kind="status",
            )
        if reply.status < 400:
            raise UpstreamError(
                f"The provider answered {reply.status}, which is not followed.", kind="status"
            )
        _readable(reply)
        body = self._models.redactor.data(await reply.read(ERROR_LIMIT))
        headers = returned(end_to_end(reply.headers)) | trace_headers(passage.trace)
        return web.Response(status=reply.status, body=body, headers=headers)


def _spend(passage: Passage, target: Target, usage: Usage) -> None:
    passage.note(usage=usage, microdollars=target.price.cost(usage))


def _call(
    operation: Operation, request: web.BaseRequest, trace: Trace, ask: Ask, target: Target | None
) -> Call:
    headers = request.headers
    reserve = 0
    if target is not None and not operation.free:
        tokens = ask.max_tokens or OUTPUT_TOKENS
        reserve = target.price.ceiling(body_bytes=len(ask.body), output_tokens=tokens)
    return Call(
        door="gateway",
        action="model.invoke",
        resource=Resource("model", ask.model),
        trace=trace,
        credential=credential(request),
        arguments=ask.members,
        details=_details(operation, ask, target),
        client=headers.get("User-Agent", "")[:256],
        address=request.remote or "",
        agent=headers.get("x-claude-code-agent-id", "")[:256],
        session=headers.get("x-claude-code-session-id", "")[:256],
        reserve=reserve,
    )


def _details(operation: Operation, ask: Ask, target: Target | None) -> dict[str, object]:
    details: dict[str, object] = {"dialect": operation.dialect.name, "operation": operation.path}
    if not ask.body:
        return details
    details |= {"sha256": ask.sha256, "bytes": len(ask.body), "stream": ask.stream}
    if ask.max_tokens is not None:
        details["max_tokens"] = ask.max_tokens
    if ask.tools:
        details["tools"] = list(ask.tools)
    if target is not None:
        details |= {
            "provider": target.provider,
            "upstream_model": target.upstream_model,
            "prices": target.price_version,
        }
    return details


def credential(request: web.BaseRequest) -> Credential:
    """What the client presents: a bearer token, or the same as x-api-key."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return BearerToken(token.strip())
    key = request.headers.get("x-api-key", "").strip()
    return BearerToken(key) if key else NO_CREDENTIAL


async def _body(request: web.BaseRequest) -> bytes:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise InputError(
            f"Content-Encoding {encoding[:40]} is not accepted.",
            remedy="Send the body uncompressed.",
            status=415,
            code="unsupported_encoding",
        )
    return await request.read()


def _problem(operation: Operation, ask: Ask, target: Target | None) -> SallyportError | None:
    if target is None:
        return NotFoundError(
            f"There is no model {ask.model!r} here.", remedy="GET /v1/models lists those you may use."
        )
    if target.dialect.name != operation.dialect.name:
        return InputError(
            f"The model {ask.model!r} speaks the {target.dialect.name} format and is not translated.",
            remedy="Use a client of that format, or another model.",
            code="dialect_mismatch",
        )
    return None


def _readable(reply: Reply) -> None:
    encoding = reply.header("content-encoding")
    if encoding and encoding.lower() != "identity":
        raise UpstreamError(f"The provider's answer is compressed ({encoding[:40]}).", kind="protocol")
