"""Close the intents that a dead writer left open."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from app.audit import store
from app.audit.event import Event
from app.audit.recorder import Recorder, lock_key
from app.core.clock import Clock
from app.core.ids import uuid7

_PAGE = 500


async def close_orphans(
    conn: store.Connection,
    *,
    recorder: Recorder,
    clock: Clock,
    settle: Callable[[list[UUID]], Awaitable[object]],
) -> int:
    """Write `lost` for each open intent of this node's earlier boots and return how many.

    A boot whose writer still holds its lock is alive and left alone, and so are other nodes' boots.
    """
    closed = 0
    for boot in await store.open_boots(conn, recorder.node, but=recorder.boot):
        if not await store.writer_is_gone(conn, lock_key(boot.boot)):
            continue
        while page := await store.orphans(conn, boot.boot, boot.started, limit=_PAGE):
            for orphan in page:
                await recorder.write(_lost(orphan, clock))
            await settle([orphan.id for orphan in page])
            closed += len(page)
        await store.close_boot(conn, boot.boot)
    return closed


def _lost(orphan: store.Orphan, clock: Clock) -> Event:
    intent = msgspec.json.decode(orphan.entry, type=Event)
    now = clock.now()
    return Event(
        id=str(uuid7(now_us=int(now.timestamp() * 1_000_000))),
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind="lost",
        call=str(orphan.id),
        trace_id=intent.trace_id,
        span_id=intent.span_id,
        action=intent.action,
        resource_kind=intent.resource_kind,
        resource=intent.resource,
        status="lost",
        body={"error": "Sallyport ended before the outcome was known."},
    )
