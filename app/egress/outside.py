"""A thread of before the kernel's hold: what it asks for, and what it starts, is as free as the profile wants it.

The hold is a thread's. Two things may not be under it: a program that may use the network, which would inherit it, and
connecting a socket into a program's own network, where the port means nothing to this host.
"""

import asyncio
import errno
import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Outside:
    """The thread; it runs as long as the process, and does nothing but this."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outside")
        self._thread.submit(os.getpid).result()

    def fork(self, *words: Any, **options: Any) -> subprocess.Popen[bytes]:
        """As `subprocess.Popen`; waits for the fork and its exec."""
        return self._thread.submit(subprocess.Popen[bytes], *words, **options).result()

    async def connect(self, sock: socket.socket, place: tuple[str, int]) -> None:
        """Connect a socket that does not block; OSError. The guard is asked as for any other."""
        begun = asyncio.wrap_future(self._thread.submit(sock.connect_ex, place))
        try:
            number = await asyncio.shield(begun)
        except asyncio.CancelledError:
            await asyncio.wait({begun})  # or it would be connected under whoever has it next
            raise
        if number == errno.EINPROGRESS:
            await _writable(sock)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))


async def _writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    seen = loop.create_future()
    loop.add_writer(sock, lambda: seen.done() or seen.set_result(None))
    try:
        await seen
    finally:
        loop.remove_writer(sock)
