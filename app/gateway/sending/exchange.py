"""One request to one target, and its answer judged and relayed."""

import time
from collections.abc import Callable
from functools import partial

from app.core.errors import UpstreamError
from app.core.usage import Usage
from app.egress.http import Reply, end_to_end
from app.extensions import Answered, Response
from app.gateway.book import Target
from app.gateway.dialects import Dialect, Said
from app.gateway.outgoing import Outgoing
from app.gateway.relay import FirstError, Relay
from app.gateway.render import ToolRefusedError, returned, trace_headers
from app.gateway.sending.bill import Bill
from app.gateway.sending.failed import Answer, AnsweredError
from app.gateway.sending.way import Way
from app.gateway.tooluse import refusal

ANSWER_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 1024 * 1024


class Exchange:
    """`run` answers the client. UpstreamError only as long as nothing has been answered: then another may."""

    def __init__(
        self, way: Way, target: Target, sent: Outgoing, *, bill: Bill, heard: Callable[[Reply], None]
    ) -> None:
        self._way = way
        self._target = target
        self._sent = sent
        self._bill = bill
        self._heard = heard

    @property
    def dialect(self) -> Dialect:
        """What the provider is spoken to in."""
        return self._target.dialect(self._way.operation.dialect)

    async def run(self, begun: Callable[[], None]) -> Answered:
        """Send, and relay what comes back; `begun` is called when the answer begins."""
        way, sent = self._way, self._sent
        credential = way.models.credential(way.passage, self._target)
        headers = [*sent.headers, credential] if credential is not None else sent.headers
        started = time.monotonic()
        heartbeat = way.heartbeat if way.ask.stream else 0.0
        reply = await self._target.upstream.request(
            way.passage, "POST", sent.path, headers, sent.body, heartbeat=heartbeat
        )
        async with reply:
            way.passage.timings["upstream"] = time.monotonic() - started
            self._heard(reply)
            if not 200 <= reply.status < 300:
                raise await self._refused(reply)
            _readable(reply)
            if reply.header("content-type").startswith("text/event-stream"):
                return await self._stream(reply, begun)
            begun()
            return await self._whole(reply)

    def spend(self, usage: Usage) -> None:
        """Note what was used and what it costs."""
        self._bill.spend(usage, self._target.price.cost(usage))

    def _told(self, said: Said) -> None:
        self.spend(said.spent(len(self._way.ask.body)))
        self._way.passage.note(result=said.recorded())

    async def _stream(self, reply: Reply, begun: Callable[[], None]) -> Answered:
        way = self._way
        relay = Relay(
            passage=way.passage,
            dialect=self.dialect,
            reply=reply,
            judge=partial(refusal, way.admission, way.passage),
            redact=way.models.redactor.data,
            translation=self._sent.translation,
            begun=begun,
        )

        def spent() -> None:
            self._told(relay.reader.said)

        try:
            return await relay.run(way.request, spent)
        except FirstError as error:
            headers = self._headers(reply) | {"content-type": "text/event-stream"}
            answer = Answer(status=reply.status, headers=headers, body=way.models.redactor.data(error.event))
            raise AnsweredError(
                error.message, there=reply.status, headers=reply.headers, answer=answer, kind="event"
            ) from None
        finally:
            # Before anything was answered only what the provider itself reported counts.
            if not way.passage.settled and (relay.answered or relay.reader.said.usage is not None):
                spent()

    async def _whole(self, reply: Reply) -> Answered:
        passage, translation = self._way.passage, self._sent.translation
        body = await reply.read(ANSWER_LIMIT)
        headers = self._headers(reply)
        if not self._way.operation.free:
            said = self.dialect.read(body)
            self._told(said)
            why = await refusal(self._way.admission, passage, said.tools) if said.tools else ""
            if why:
                passage.note(status="refused", error=why)
                raise ToolRefusedError(why)
            if translation is not None:
                body = translation.answer(body, said.usage)
        headers["server-timing"] = passage.server_timing
        body = self._way.models.redactor.json(body, source="The provider")
        return Response(status=reply.status, body=body, headers=headers)

    async def _refused(self, reply: Reply) -> UpstreamError:
        """The provider's own error, except its secrets, and where the client would take it as its own sign-in."""
        status, translation = reply.status, self._sent.translation
        if status in (401, 403):
            message = "The provider refuses Sallyport's own key; the key in the profile must be renewed."
            return AnsweredError(message, there=status, headers=reply.headers)
        if status < 400:
            message = f"The provider answered {status}, which is not followed."
            return AnsweredError(message, there=status, headers=reply.headers)
        _readable(reply)
        body = self._way.models.redactor.data(await reply.read(ERROR_LIMIT))
        headers = self._headers(reply)
        if translation is not None:
            body = translation.failure(status, body, self._way.passage.trace.trace_id)
            headers["content-type"] = "application/json"
        answer = Answer(status=status, headers=headers, body=body)
        return AnsweredError(
            f"The provider answered {status}.", there=status, headers=reply.headers, answer=answer
        )

    def _headers(self, reply: Reply) -> dict[str, str]:
        headers = returned(end_to_end(reply.headers)) | trace_headers(self._way.passage.trace)
        return headers | self._sent.translation.headers if self._sent.translation is not None else headers


def _readable(reply: Reply) -> None:
    encoding = reply.header("content-encoding")
    if encoding and encoding.lower() != "identity":
        raise UpstreamError(f"The provider's answer is compressed ({encoding[:40]}).", kind="protocol")
