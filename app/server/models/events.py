"""Circuits that open and close, in the log and in the record."""

import logging

from app.audit.event import Event
from app.audit.recorder import Recorder
from app.core.clock import Clock
from app.core.ids import new_trace, uuid7_text
from app.gateway.book.opening import Changed
from app.gateway.routing import Standing
from app.gateway.routing.breaker import State

_log = logging.getLogger(__name__)


def transitions(recorder: Recorder, *, clock: Clock) -> Changed:
    """Writes each change that says something new: open, and closed again; trials in between are only counted."""
    told: dict[tuple[str, str], State] = {}

    def changed(standing: Standing, before: State) -> None:
        place = (standing.provider, standing.model)
        if standing.state == "half-open" or told.get(place, "closed") == standing.state:
            return
        told[place] = standing.state
        well = standing.state == "closed"
        say = _log.info if well else _log.warning
        say("model %s at %s: circuit %s %s", standing.model, standing.provider, standing.state, standing.last)
        recorder.post(_event(standing, clock))

    return changed


def _event(standing: Standing, clock: Clock) -> Event:
    now, trace = clock.now(), new_trace()
    identifier = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    well = standing.state == "closed"
    body = {"state": standing.state, "why": "" if well else standing.last, "failures": standing.failures}
    return Event(
        id=identifier,
        call=identifier,
        time=now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        kind="event",
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        door="gateway",
        action="model.circuit",
        resource_kind="model",
        resource=f"{standing.provider}/{standing.model}"[:1024],
        actor_id="system",
        actor_kind="system",
        actor="sallyport",
        status="ok" if well else "error",
        body={name: value for name, value in body.items() if value},
    )
