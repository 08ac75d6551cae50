"""Where a program stands, and what each event makes of it; no clock, no process, no randomness of its own."""

from typing import Literal

import msgspec

State = Literal["stopped", "starting", "ready", "backing off", "held", "stopping"]
What = Literal["start", "ready", "end", "stop", "stopped", "release", "due"]
_HOLDING = "Release it with `sallyport mcp restart`."


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds before a restart, doubled each time; `steady` seconds of readiness count as a fresh beginning."""

    first: float = 0.5
    longest: float = 30.0
    steady: float = 60.0
    hold_after: int = 8
    """Failed starts in a row before it is held; 0: never."""

    def delay(self, failures: int, *, jitter: float) -> float:
        """Half of it is certain, the other half is `jitter` (0 to 1), so that many do not start at once."""
        full = min(self.first * 2 ** min(failures - 1, 16), self.longest)
        return full * (0.5 + 0.5 * jitter)


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """`since` and `until` are monotonic seconds; `failures` counts ends in a row that nobody wanted."""

    state: State = "stopped"
    why: str = ""
    since: float = 0.0
    until: float = 0.0
    failures: int = 0
    starts: int = 0


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event: `end` is one nobody asked for, `stop` asks for one."""

    what: What
    now: float
    why: str = ""
    jitter: float = 0.5


def step(stand: Stand, event: Happened, backoff: Backoff) -> Stand:
    """The stand after the event; one that makes no sense where it stands changes nothing."""
    match (stand.state, event.what):
        case ("stopped", "start") | ("backing off", "start"):
            return _at(stand, "starting", event, why=stand.why, starts=stand.starts + 1)
        case ("starting", "ready"):
            return _at(stand, "ready", event)
        case ("starting" | "ready" | "stopping", "end"):
            return _ended(stand, event, backoff)
        case ("starting" | "ready", "stop"):
            return _at(stand, "stopping", event, why=event.why)
        case ("backing off" | "held", "stop") | ("stopping", "stopped"):
            return _at(stand, "stopped", event, why=event.why or stand.why, failures=0)
        case ("held" | "backing off", "release"):
            return _at(stand, "stopped", event, failures=0)
        case ("backing off", "due") if event.now >= stand.until:
            return _at(stand, "stopped", event, why=stand.why)
        case _:
            return stand


def _ended(stand: Stand, event: Happened, backoff: Backoff) -> Stand:
    if stand.state == "stopping":
        return _at(stand, "stopped", event, why=stand.why, failures=0)
    steady = stand.state == "ready" and event.now - stand.since >= backoff.steady
    failures = 1 if steady else stand.failures + 1
    if backoff.hold_after and failures >= backoff.hold_after:
        why = f"{event.why}; held after {failures} failed starts in a row. {_HOLDING}"
        return _at(stand, "held", event, why=why, failures=failures)
    delay = backoff.delay(failures, jitter=event.jitter)
    return _at(stand, "backing off", event, why=event.why, failures=failures, until=event.now + delay)


def _at(
    stand: Stand,
    state: State,
    event: Happened,
    *,
    why: str = "",
    failures: int | None = None,
    starts: int | None = None,
    until: float = 0.0,
) -> Stand:
    return Stand(
        state=state,
        why=why,
        since=event.now,
        until=until,
        failures=stand.failures if failures is None else failures,
        starts=stand.starts if starts is None else starts,
    )
