"""The one writer of the record, running inside the block and flushed at its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from app.audit.recorder import Recorder
from app.config import Profile
from app.core.clock import Clock
from app.core.errors import DatabaseError
from app.db import Connection, connect

_READY_SECONDS = 15.0
_FLUSH_SECONDS = 10.0


@asynccontextmanager
async def open_recorder(
    profile: Profile, url: str, clock: Clock, *, redact: Callable[[Any], Any] | None = None
) -> AsyncIterator[Recorder]:
    """The recorder, ready to write; DatabaseError when it cannot become so. `redact` takes secrets out of events."""

    async def dial() -> Connection:
        return await connect(url, purpose="record", timeout=profile.database.connect_timeout)

    recorder = Recorder(
        connect=dial, node=profile.node, boot=uuid4(), clock=clock, settings=profile.record, redact=redact
    )
    # Its life is this block: closed, flushed and awaited below.
    task = asyncio.create_task(recorder.run(), name="record")
    try:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await recorder.ready.wait()
        except TimeoutError:
            raise DatabaseError(
                "The record cannot be opened.", remedy="See the log; check the database."
            ) from None
        yield recorder
    finally:
        recorder.close()
        done, _ = await asyncio.wait({task}, timeout=_FLUSH_SECONDS)
        if not done:
            task.cancel()
            await asyncio.wait({task})
