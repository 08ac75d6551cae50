"""One AI request: read it, admit it, and let it try its places until one answers."""

import random
from collections.abc import Callable

from app.admission import Admission
from app.core.call import Resource
from app.core.errors import DeniedError, InputError, NotFoundError, SallyportError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.extensions import Answered, Request
from app.gateway.ask import Ask, read_ask
from app.gateway.asked import Asked, Operation, asked_call
from app.gateway.models import Found, Models
from app.gateway.outgoing import Outgoing, outgoing
from app.gateway.render import failure
from app.gateway.sending import Attempts, Way
from app.gateway.sending.counting import estimate

LABELS_HEADER = "x-sallyport-labels"
LABELS_LIMIT = 16
_UNREAD = Ask(body=b"", members={}, model="unreadable", stream=False, max_tokens=None, tools=())


class Invocation:
    """The gateway's endpoint logic for all operations; `draw` is chance, which weights and pauses are drawn with."""

    def __init__(
        self,
        *,
        admission: Admission,
        models: Models,
        heartbeat: float,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._admission = admission
        self._heartbeat = heartbeat
        self._models = models
        self._draw = draw

    async def serve(self, operation: Operation, request: Request) -> Answered:
        """Answer one request, whatever happens, in the operation's dialect."""
        trace = continue_trace(request.headers.get("traceparent"))
        problem: SallyportError | None = None
        ask, sent, labels = _UNREAD, None, frozenset[str]()
        try:
            ask = read_ask(await _body(request))
            labels = _labels(request)
        except InputError as error:
            problem = error
        book, found = self._models.book, self._models.find(ask.model)
        unusable = problem
        if problem is None:
            sent, problem = _prepared(operation, request, ask, found)
        call = asked_call(request, trace, Asked(operation=operation, ask=ask, found=found, sent=sent))
        try:
            async with self._admission.admit(call) as passage:
                if problem is not None or found is None:
                    passage.note(status="refused", error=str(problem))
                    raise problem or NotFoundError("No such model.")
                self._admit_meaning(passage, found)
                if sent is None and found.only is not None:
                    return estimate(passage, ask)
                way = Way(
                    admission=self._admission,
                    models=self._models,
                    book=book,
                    passage=passage,
                    operation=operation,
                    ask=ask,
                    found=found,
                    prepared=sent,
                    request=request,
                    heartbeat=self._heartbeat,
                    draw=self._draw,
                    labels=labels,
                )
                return await Attempts(way).run()
        except DeniedError as error:
            shown = unusable if unusable is not None and not error.anonymous else error
            return failure(shown, dialect=operation.dialect, trace=trace)
        except SallyportError as error:
            return failure(error, dialect=operation.dialect, trace=trace)

    def _admit_meaning(self, passage: Passage, found: Found) -> None:
        """An alias reaches its model only for those who may use the model itself."""
        meaning = found.entry.name
        if meaning == passage.call.resource.name or found.pattern:
            return
        decision = self._admission.policy.decide(
            passage.principal, "model.invoke", Resource("model", meaning), arguments=passage.call.arguments
        )
        if not decision.permitted:
            passage.note(status="refused", error=decision.message)
            raise DeniedError(decision, trace_id=passage.trace.trace_id, anonymous=False)


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


def _labels(request: Request) -> frozenset[str]:
    """What the client demands of providers: it can only narrow where its call may go."""
    text = request.headers.get(LABELS_HEADER)
    if text is None:
        return frozenset()
    labels = frozenset(part.strip() for part in text.split(","))
    if len(labels) > LABELS_LIMIT or any(not 0 < len(label) <= 64 for label in labels):
        raise InputError(
            f"`{LABELS_HEADER}` must hold up to {LABELS_LIMIT} labels with commas between.",
            code="invalid_shape",
        )
    return labels


def _prepared(
    operation: Operation, request: Request, ask: Ask, found: Found | None
) -> tuple[Outgoing | None, SallyportError | None]:
    """What the only target gets once it is admitted, or why it will not; neither, when that is found out later."""
    if found is None:
        return None, NotFoundError(
            f"There is no model {ask.model!r} here.", remedy="GET /v1/models lists those you may use."
        )
    target = found.only
    if target is None or (operation.free and operation.dialect not in target.dialects):
        return None, None
    try:
        sent = outgoing(
            request,
            ask,
            client=operation.dialect,
            provider=target.dialect(operation.dialect),
            path=operation.path,
            model=target.named(ask.model).upstream_model,
        )
    except InputError as error:
        return None, error
    return sent, None
