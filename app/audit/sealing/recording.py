"""A row that has to stand or fall with a change of the seal: written in the same transaction, as a boot of its own."""

from uuid import UUID, uuid4

from app.audit.event import Event
from app.audit.rows import Row, numbered
from app.audit.sealing import store
from app.audit.store import insert_boot, insert_events
from app.core.clock import Clock


async def record_within(conn: store.Connection, event: Event, *, node: str, clock: Clock) -> UUID:
    """Insert the event in the caller's transaction; the boot, whose only row it is."""
    boot = uuid4()
    await insert_boot(conn, boot, node, clock.now())
    await insert_events(conn, numbered([Row(event, (), None)], node=node, boot=str(boot), first=0), [])
    return boot
