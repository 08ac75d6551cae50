"""How sealing stands: alarms by name, and what Prometheus, doctor and people are told."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.audit.event import Event
from app.core.clock import Clock
from app.core.ids import uuid7

log = logging.getLogger(__name__)

ALARMS = ("rollback", "fork", "gap", "cursor", "key", "tree", "outside", "witness")


class SealState:
    """What the sealer of this process knows. An alarm is logged, counted, shown and recorded once, until it ends."""

    def __init__(self, *, registry: CollectorRegistry, clock: Clock, post: Callable[[Event], None]) -> None:
        self.alarms: dict[str, str] = {}
        self.leading = False
        self.origin = ""
        self.size = 0
        self.created: datetime | None = None
        self._clock = clock
        self._post = post
        self._size = Gauge(
            "sallyport_record_sealed_size", "Leaves of the newest checkpoint", registry=registry
        )
        self._unsealed = Gauge(
            "sallyport_record_unsealed_rows", "Rows that wait for the sealer", registry=registry
        )
        age = Gauge(
            "sallyport_record_checkpoint_age_seconds", "Age of the newest checkpoint", registry=registry
        )
        age.set_function(self.age)
        self._sealed = Counter(
            "sallyport_record_sealed_rows", "Rows sealed by this process", registry=registry
        )
        self._alarm = Gauge(
            "sallyport_record_alarm", "1 while an alarm of the record stands", ["alarm"], registry=registry
        )
        self._failures = Counter(
            "sallyport_record_witness_failures", "Checkpoints not cosigned", ["witness"], registry=registry
        )
        for name in ALARMS:
            self._alarm.labels(name).set(0)

    def age(self) -> float:
        """Seconds since the newest checkpoint was signed."""
        return 0.0 if self.created is None else (self._clock.now() - self.created).total_seconds()

    def at(self, origin: str, size: int, created: datetime) -> None:
        """The newest checkpoint."""
        self.origin, self.size, self.created = origin, size, created
        self._size.set(size)

    def sealed(self, rows: int) -> None:
        """Rows became leaves."""
        self._sealed.inc(rows)

    def waiting(self, rows: int) -> None:
        """Rows that are not leaves yet."""
        self._unsealed.set(rows)

    def witness_failed(self, name: str) -> None:
        """A witness did not cosign."""
        self._failures.labels(name).inc()

    def alarm(self, name: str, message: str, **details: Any) -> None:
        """Something is wrong with the record."""
        if self.alarms.get(name) == message:
            return
        self.alarms[name] = message
        self._alarm.labels(name).set(1)
        log.error("ALARM of the record (%s): %s", name, message)
        self._post(
            happened(f"record.alarm.{name}", self.origin, now=self._clock.now(), message=message, **details)
        )

    def ends(self, *names: str) -> None:
        """These are in order again."""
        for name in names:
            if self.alarms.pop(name, None) is not None:
                self._alarm.labels(name).set(0)
                log.warning("the alarm of the record (%s) has ended", name)

    def notes(self) -> dict[str, str]:
        """What people should know, empty while everything is in order."""
        return {f"record {name}": message for name, message in self.alarms.items()}


def happened(action: str, resource: str, *, now: datetime, **body: Any) -> Event:
    """A row about something that is no call."""
    row = str(uuid7(now_us=int(now.timestamp() * 1_000_000)))
    return Event(
        id=row,
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind="event",
        call=row,
        action=action,
        resource_kind="record",
        resource=resource,
        status="ok",
        body=body,
    )
