"""One AI request: read it, admit it, send its bytes on, judge and relay what comes back."""

import asyncio
import time
from functools import partial

import msgspec

from app.admission import Admission
from app.core.errors import DeniedError, InputError, NotFoundError, SallyportError, UpstreamError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.core.usage import Usage
from app.egress.http import Reply, end_to_end
from app.extensions import Answered, Request, Response
from app.gateway.ask import Ask, read_ask
from app.gateway.asked import Asked, Operation, asked_call
from app.gateway.dialects import Dialect, Said
from app.gateway.models import Models, Target
from app.gateway.outgoing import Outgoing, outgoing
from app.gateway.relay import Relay
from app.gateway.render import ToolRefusedError, failure, json_response, returned, trace_headers
from app.gateway.tooluse import refusal
from app.gateway.translation import estimated_tokens

ANSWER_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 1024 * 1024
_UNREAD = Ask(body=b"", members={}, model="unreadable", stream=False, max_tokens=None, tools=())


class _Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """An admitted request on its way."""

    operation: Operation
    passage: Passage
    ask: Ask
    target: Target
    outgoing: Outgoing

    @property
    def dialect(self) -> Dialect:
        """What the provider is spoken to in."""
        return self.target.dialect(self.operation.dialect)

    def spend(self, usage: Usage) -> None:
        """Note what was used and what it costs."""
        self.passage.note(usage=usage, microdollars=self.target.price.cost(usage))

    def told(self, said: Said) -> None:
        """Note what the answer says."""
        self.spend(said.spent(len(self.ask.body)))
        self.passage.note(result=said.recorded())


class Invocation:
    """The gateway's endpoint logic for all operations."""

    def __init__(self, *, admission: Admission, models: Models, heartbeat: float) -> None:
        self._admission = admission
        self._heartbeat = heartbeat
        self._models = models

    async def serve(self, operation: Operation, request: Request) -> Answered:
        """Answer one request, whatever happens, in the operation's dialect."""
        trace = continue_trace(request.headers.get("traceparent"))
        problem: SallyportError | None = None
        ask, sent = _UNREAD, None
        try:
            ask = read_ask(await _body(request))
        except InputError as error:
            problem = error
        target = self._models.find(ask.model)
        unusable = problem
        if problem is None:
            sent, problem = _prepared(operation, request, ask, target)
        call = asked_call(request, trace, Asked(operation=operation, ask=ask, target=target, sent=sent))
        try:
            async with self._admission.admit(call) as passage:
                if problem is not None or target is None:
                    passage.note(status="refused", error=str(problem))
                    raise problem or NotFoundError("No such model.")
                if sent is None:
                    return _estimate(passage, ask)
                exchange = _Exchange(
                    operation=operation, passage=passage, ask=ask, target=target, outgoing=sent
                )
                return await self._forward(exchange, request)
        except DeniedError as error:
            shown = unusable if unusable is not None and not error.anonymous else error
            return failure(shown, dialect=operation.dialect, trace=trace)
        except SallyportError as error:
            return failure(error, dialect=operation.dialect, trace=trace)

    async def _forward(self, exchange: _Exchange, request: Request) -> Answered:
        passage, target, ask, sent = exchange.passage, exchange.target, exchange.ask, exchange.outgoing
        credential = self._models.credential(passage, target)
        headers = [*sent.headers, credential] if credential is not None else sent.headers
        started = time.monotonic()
        heartbeat = self._heartbeat if ask.stream else 0.0
        try:
            reply = await target.upstream.request(
                passage, "POST", sent.path, headers, sent.body, heartbeat=heartbeat
            )
            async with reply:
                passage.timings["upstream"] = time.monotonic() - started
                if not 200 <= reply.status < 300:
                    return await self._refused_upstream(exchange, reply)
                _readable(reply)
                if reply.header("content-type").startswith("text/event-stream"):
                    return await self._stream(exchange, reply, request)
                return await self._whole(exchange, reply)
        except asyncio.CancelledError:
            if not passage.settled and not passage.usage.total:
                exchange.spend(Said().spent(len(ask.body)))
            raise

    async def _stream(self, exchange: _Exchange, reply: Reply, request: Request) -> Answered:
        relay = Relay(
            passage=exchange.passage,
            dialect=exchange.dialect,
            reply=reply,
            judge=partial(refusal, self._admission, exchange.passage),
            redact=self._models.redactor.data,
            translation=exchange.outgoing.translation,
        )

        def spent() -> None:
            exchange.told(relay.reader.said)

        try:
            return await relay.run(request, spent)
        finally:
            if not exchange.passage.settled:
                spent()

    async def _whole(self, exchange: _Exchange, reply: Reply) -> Answered:
        passage, translation = exchange.passage, exchange.outgoing.translation
        body = await reply.read(ANSWER_LIMIT)
        headers = returned(end_to_end(reply.headers)) | trace_headers(passage.trace)
        if not exchange.operation.free:
            said = exchange.dialect.read(body)
            exchange.told(said)
            why = await refusal(self._admission, passage, said.tools) if said.tools else ""
            if why:
                passage.note(status="refused", error=why)
                raise ToolRefusedError(why)
            if translation is not None:
                body = translation.answer(body, said.usage)
                headers |= translation.headers
        headers["server-timing"] = passage.server_timing
        body = self._models.redactor.json(body, source="The provider")
        return Response(status=reply.status, body=body, headers=headers)

    async def _refused_upstream(self, exchange: _Exchange, reply: Reply) -> Answered:
        """The provider's own error, except its secrets, and where the client would take it as its own sign-in."""
        passage, translation = exchange.passage, exchange.outgoing.translation
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
        if translation is not None:
            body = translation.failure(reply.status, body, passage.trace.trace_id)
            headers |= translation.headers | {"content-type": "application/json"}
        return Response(status=reply.status, body=body, headers=headers)


def _estimate(passage: Passage, ask: Ask) -> Response:
    """Counting tokens for a provider that has no such question."""
    answer = {"input_tokens": estimated_tokens(ask.body), "estimated": True}
    headers = trace_headers(passage.trace)
    return json_response(msgspec.json.encode(answer), headers)


async def _body(request: Request) -> bytes:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise InputError(
            f"Content-Encoding {encoding[:40]} is not accepted.",
            remedy="Send the body uncompressed.",
            status=415,
            code="unsupported_encoding",
        )
    return await request.read()


def _prepared(
    operation: Operation, request: Request, ask: Ask, target: Target | None
) -> tuple[Outgoing | None, SallyportError | None]:
    """What will be sent once it is admitted, or why nothing will; neither, when the answer is an estimate of ours."""
    if target is None:
        return None, NotFoundError(
            f"There is no model {ask.model!r} here.", remedy="GET /v1/models lists those you may use."
        )
    if operation.free and operation.dialect not in target.dialects:
        return None, None
    try:
        sent = outgoing(
            request,
            ask,
            client=operation.dialect,
            provider=target.dialect(operation.dialect),
            path=operation.path,
            model=target.upstream_model,
        )
    except InputError as error:
        return None, error
    return sent, None


def _readable(reply: Reply) -> None:
    encoding = reply.header("content-encoding")
    if encoding and encoding.lower() != "identity":
        raise UpstreamError(f"The provider's answer is compressed ({encoding[:40]}).", kind="protocol")
