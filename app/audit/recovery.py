"""Close the intents that a dead writer left open."""

from collections.abc import Awaitable, Callable
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
                if __debug__:
                    crash.at("recovery.before_lost")
                intent = msgspec.json.decode(orphan.entry, type=Event)
                await recorder.write(
                    closing(intent, kind="lost", status="lost", error=_UNKNOWN, now=clock.now())
                )
                if __debug__:
                    crash.at("recovery.after_lost")
            await settle([orphan.id for orphan in page])
            closed += len(page)
        if __debug__:
            crash.at("recovery.before_close")
        await store.close_boot(conn, boot.boot)
    return closed
