"""Close the intents that a dead writer left open."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import msgspec

from app.audit import store
from app.audit.event import Event
from app.audit.recorder import Recorder, lock_key
from app.audit.rows import closing
from app.core import crash
from app.core.clock import Clock

_PAGE = 500
_UNKNOWN = "Sallyport ended before the outcome was known."


async def close_orphans(
    conn: store.Connection,
    *,
    recorder: Recorder,
    clock: Clock,
    settle: Callable[[list[UUID]], Awaitable[Mapping[UUID, int]]],
) -> int:
    """Write `lost` for each open intent of this node's earlier boots and return how many.

    `settle` says what calls came to that held a budget back: that stands in their last row.
    A boot whose writer still holds its lock is alive and left alone, and so are other nodes' boots.
    """
    closed = 0
    for boot in await store.open_boots(conn, recorder.node, but=recorder.boot):
        if not await store.writer_is_gone(conn, lock_key(boot.boot)):
            continue
        while page := await store.orphans(conn, boot.boot, boot.started, limit=_PAGE):
            # First, so that a death in between leaves rows that say the same as the budgets.
            came_to = await settle([orphan.id for orphan in page])
            for orphan in page:
                if __debug__:
                    crash.at("recovery.before_lost")
                intent = msgspec.json.decode(orphan.entry, type=Event)
                lost = closing(intent, kind="lost", status="lost", error=_UNKNOWN, now=clock.now())
                lost.microdollars = came_to.get(orphan.id, 0)
                await recorder.write(lost)
                if __debug__:
                    crash.at("recovery.after_lost")
            closed += len(page)
        if __debug__:
            crash.at("recovery.before_close")
        await store.close_boot(conn, boot.boot)
    return closed
