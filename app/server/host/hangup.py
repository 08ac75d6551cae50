"""SIGHUP: the profile is read again, as a governed call of whoever started the server; the log has the answer."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from app.admission import Admission
from app.core.call import Resource
from app.core.errors import SallyportError
from app.server.first_run import host_call
from app.server.host.reload import Reload

_log = logging.getLogger(__name__)


@asynccontextmanager
async def following_hangups(admission: Admission, reload: Reload) -> AsyncIterator[None]:
    """Read the profile again at each SIGHUP while the block runs."""
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, heard.set)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(_follow(heard, admission, reload))
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            following.cancel()


async def _follow(heard: asyncio.Event, admission: Admission, reload: Reload) -> None:
    while True:
        await heard.wait()
        heard.clear()
        try:
            await read_again(admission, reload)
        except SallyportError as error:
            _log.error("the profile was not read again: %s", error)


async def read_again(admission: Admission, reload: Reload) -> None:
    """One governed call; SallyportError when nothing was changed."""
    async with admission.admit(host_call("admin.profile.reload", Resource("server", "*"))) as passage:
        done = reload()
        passage.note(result=msgspec.to_builtins(done))
    _log.info(
        "the profile was read again; changed: %s; waiting for a restart: %s",
        ", ".join(done.changed) or "nothing",
        ", ".join(done.waiting) or "nothing",
    )
