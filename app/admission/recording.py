"""Calls and passages as rows of the record."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from app.admission.capture import Capture, Kept, Mode
from app.admission.sealing import sealed_decision, sealed_outcome
from app.admission.text import recordable, storable_text
from app.audit.event import Event
from app.audit.rows import Contents
from app.audit.subjects import NOBODY, Owners, Persons
from app.config.schema import Record
from app.core.call import Call
from app.core.ids import uuid7_text
from app.core.passage import Passage
from app.core.principal import Principal
from app.core.verdict import Decision

Seal = Callable[[Event, Owners, Kept], None]


def _as_it_is(value: Any) -> Any:
    return value


class Recording:
    """Makes rows. What of the contents is kept follows the profile's `record` section and the deciding rules.

    With `persons` their values are sealed; without, everything stands in clear. `redact` takes known secrets out
    of any decoded value before anything else is done with it.
    """

    def __init__(
        self,
        settings: Record,
        *,
        persons: Persons | None = None,
        redact: Callable[[Any], Any] = _as_it_is,
    ) -> None:
        self._redact = redact
        self._capture = Capture(settings)
        self._persons = persons

    def known_owners(self, principal: Principal, call: Call) -> Owners | None:
        """Whose values the rows of this call hold, if that is known without waiting."""
        return NOBODY if self._persons is None else self._persons.known(principal, call)

    async def find_owners(self, principal: Principal, call: Call) -> Owners:
        """The same by asking the database; RecordUnavailableError when it cannot be known."""
        return NOBODY if self._persons is None else await self._persons.find(principal, call)

    def decided(
        self,
        call: Call,
        principal: Principal,
        decision: Decision,
        *,
        owners: Owners = NOBODY,
        now: datetime,
        row_id: UUID | None = None,
    ) -> tuple[Event, Contents]:
        """The intent of a permitted call, or the denial of another."""
        event_id, time = stamp(now)
        if row_id is not None:
            event_id = str(row_id)
        kept = Kept()
        mode = self._capture.mode(call.action, decision.record)
        body = self._asked(call, mode, kept)
        if not decision.permitted:
            body["message"] = decision.message
        event = Event(
            id=event_id,
            time=time,
            kind="intent" if decision.permitted else "denial",
            call=event_id,
            trace_id=call.trace.trace_id,
            span_id=call.trace.span_id,
            parent_id=call.trace.parent_id,
            door=call.door,
            action=call.action,
            resource_kind=call.resource.kind,
            resource=storable_text(self._redact(call.resource.name), 1024),
            actor_id=principal.id,
            actor_kind=principal.kind,
            actor=principal.name,
            client=storable_text(self._redact(call.client), 256),
            address=call.address,
            agent=storable_text(call.agent, 256),
            session=storable_text(call.session or principal.session, 256),
            credential=principal.credential_id,
            decision=decision.effect,
            reason=decision.reason,
            policy_hash=decision.policy_hash,
            rule_ids=list(decision.rule_ids),
            body=body,
        )
        return _finished(event, owners, kept, sealed_decision)

    def outcome(self, passage: Passage, *, now: datetime, latency_us: int) -> tuple[Event, Contents]:
        """What came of an admitted call."""
        event_id, time = stamp(now)
        kept = Kept()
        body: dict[str, Any] = {}
        if passage.result is not None:
            mode = self._capture.mode(passage.call.action, passage.decision.record)
            self._capture.put(body, "result", self._redact(passage.result), mode=mode, kept=kept)
        if passage.details is not None:
            body["details"] = recordable(self._redact(passage.details))
        if passage.error:
            body["error"] = storable_text(self._redact(passage.error), 4096)
        if passage.secrets:
            body["secrets"] = list(passage.secrets)
        if passage.usage.estimated:
            body["usage_estimated"] = True
        if passage.price is not None:
            body["price"] = passage.price
        usage = passage.usage
        event = Event(
            id=event_id,
            time=time,
            kind="outcome",
            call=str(passage.id),
            trace_id=passage.trace.trace_id,
            span_id=passage.trace.span_id,
            action=passage.call.action,
            status=passage.status,
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
            reasoning_tokens=usage.reasoning,
            microdollars=passage.microdollars,
            latency_us=latency_us,
            body=body,
        )
        owners = cast("Owners | None", passage.owners) or NOBODY
        return _finished(event, owners, kept, sealed_outcome)

    def _asked(self, call: Call, mode: Mode, kept: Kept) -> dict[str, Any]:
        body: dict[str, Any] = {}
        digested = False
        if call.details is not None:
            details = self._capture.details(self._redact(call.details), mode)
            digested = "sha256" in details
            body["details"] = details
        # A body whose own digest stands in the details need not be digested a second time.
        if call.arguments is not None and not (mode == "digest" and digested):
            self._capture.put(body, "arguments", self._redact(call.arguments), mode=mode, kept=kept)
        return body


def stamp(now: datetime) -> tuple[str, str]:
    """A new row's id and RFC 3339 time, of the same microsecond."""
    micros = int(now.timestamp() * 1_000_000)
    return uuid7_text(now_us=micros), now.isoformat(timespec="microseconds")[:26] + "Z"


def _finished(event: Event, owners: Owners, kept: Kept, seal: Seal) -> tuple[Event, Contents]:
    """The row with its persons' values in boxes, saying which contents are kept beside it, so that one can be missed."""
    if owners is not NOBODY:
        seal(event, owners, kept)
    if kept.contents:
        event.body["contents"] = [name for name, _ in kept.contents]
    return event, kept.contents
