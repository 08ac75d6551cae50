"""Who runs the embedded server of a data folder: this process, or another one of ours that it then shares."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from app.core.errors import DatabaseError
from app.db.embedded import Embedded
from app.db.major import bring_up, settle


@asynccontextmanager
async def embedded(
    *,
    folder: Path,
    home: Path,
    password_file: Path,
    wait: float,
    share: bool,
    previous: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> AsyncIterator[str]:
    """The connection string of the embedded database, started by whoever first holds the folder.

    With `share`, a server that another process of ours runs is used instead; without, at most `wait` seconds
    are spent to get hold of the folder. `meanwhile` is done while PostgreSQL starts. A cluster of an older PostgreSQL
    is copied first; `previous` names a folder with its programs, if they are not where they were.
    """
    server = Embedded(folder=folder, home=home, password_file=password_file)
    with (folder.parent / "postgres.lock").open("ab") as lock:
        if not await _hold(lock, server, wait=wait, share=share):
            yield server.url
            return
        copied = await bring_up(server, previous=previous)
        await server.start(meanwhile=meanwhile)
        settle(server, copied=copied)
        # Its life is this block.
        keeper = asyncio.create_task(server.keep(), name="embedded PostgreSQL")
        try:
            yield server.url
        finally:
            keeper.cancel()
            await asyncio.wait({keeper})
            await asyncio.shield(server.stop())


async def _hold(lock: IO[bytes], server: Embedded, *, wait: float, share: bool) -> bool:
    """Whether the folder is ours; False when a running server is to be shared."""
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if share and await server.answers():
                return False
            if asyncio.get_running_loop().time() >= deadline:
                raise DatabaseError(
                    f"Another Sallyport uses the data folder {server.folder.parent}.",
                    remedy="Stop it, or choose another --data.",
                ) from None
            await asyncio.sleep(0.1)
