"""LISTEN: a hint that something changed; whoever cares polls as well."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import psycopg

from app.core.errors import DatabaseError
from app.db.connect import Connection

log = logging.getLogger(__name__)

CHANNEL = "sallyport_changed"


async def listen(connect: Callable[[], Awaitable[Connection]], heard: Callable[[str], None]) -> None:
    """Call `heard` with the payload of each notification, reconnecting for ever."""
    task = asyncio.current_task()
    # Asked and not only caught: leaving a broken connection can put its error in the place of the cancellation.
    while task is None or not task.cancelling():
        try:
            async with await connect() as conn:
                await conn.execute("LISTEN sallyport_changed")
                heard("")
                async for notification in conn.notifies():
                    heard(notification.payload)
        except (psycopg.Error, OSError, DatabaseError) as error:
            log.debug("listen: %s", error)
        await asyncio.sleep(1.0)
