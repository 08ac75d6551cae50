"""LISTEN: a hint that something changed; whoever cares polls as well."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import psycopg

from app.core.errors import DatabaseError
from app.db.connect import Connection

log = logging.getLogger(__name__)

_TURN_SECONDS = 3.0


async def listen(connect: Callable[[], Awaitable[Connection]], heard: Callable[[str], None]) -> None:
    """Call `heard` with the payload of each notification, reconnecting until cancelled."""
    while not _cancelled():
        try:
            async with await connect() as conn:
                await conn.execute("LISTEN sallyport_changed")
                heard("")
                while not _cancelled():
                    async for notification in conn.notifies(timeout=_TURN_SECONDS):
                        heard(notification.payload)
        except (psycopg.Error, OSError, DatabaseError) as error:
            log.debug("listen: %s", error)
        await asyncio.sleep(1.0)


def _cancelled() -> bool:
    """Asked and not only caught: until Python 3.12 `asyncio.wait_for`, which psycopg waits with, can swallow it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
