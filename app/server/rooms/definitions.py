"""How the catalog of definitions is set up, and how what it notices gets into the record."""

from collections.abc import Callable

import msgspec

from app.audit.event import Event
from app.audit.recorder import Recorder
from app.catalog import Catalog, Change
from app.catalog.pins import Mode
from app.core.clock import Clock
from app.core.ids import uuid7_text
from app.db import Pool
from app.server.declared import Declared

_ACTIONS = {
    "trusted": "tool.trusted",
    "quarantined": "tool.quarantined",
    "removed": "tool.removed",
    "returned": "tool.returned",
    "reverted": "tool.reverted",
}


async def open_catalog(declared: Declared, *, pool: Pool, recorder: Recorder, clock: Clock) -> Catalog:
    """The catalog of a site, with what is approved at this moment."""
    announce = announcer(recorder, clock=clock)
    catalog = Catalog(pool=pool, clock=clock, mode=pin_mode(declared), announce=announce)
    await catalog.refresh()
    return catalog


def pin_mode(declared: Declared) -> Callable[[str], Mode]:
    """How a first sight of a server's definitions is taken; of a server that nobody declared nothing is trusted."""

    def mode(server: str) -> Mode:
        entry = declared.mcp.servers.get(server)
        return (entry.pins or declared.mcp.pins) if entry is not None else "approve"

    return mode


def announcer(recorder: Recorder, *, clock: Clock) -> Callable[[Change], None]:
    """Writes what was noticed into the record."""

    def announce(change: Change) -> None:
        recorder.post(event_of(change, clock=clock))

    return announce


def event_of(change: Change, *, clock: Clock) -> Event:
    """A row of the record about a change of a definition."""
    now, pin = clock.now(), change.pin
    id_ = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    body = {
        "digest": pin.seen,
        "before": change.before,
        "approved": pin.approved,
        "pending": pin.pending,
        "renamed_from": change.renamed_from,
        "findings": msgspec.to_builtins(change.findings),
    }
    return Event(
        id=id_,
        time=now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        kind="event",
        call=id_,
        action=_ACTIONS[change.what],
        resource_kind=pin.kind,
        resource=(f"{pin.server}/{pin.name}" if pin.kind != "server" else pin.server)[:1024],
        actor_id="system",
        actor_kind="system",
        actor="sallyport",
        body={name: value for name, value in body.items() if value},
    )
