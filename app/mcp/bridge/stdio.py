"""Lines on standard input and output, as MCP's stdio transport has them."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator

LIMIT = 16 * 1024 * 1024
"""Bytes of one message; a longer line ends the conversation."""
_CHUNK = 65_536
_AHEAD = 64


class Lines:
    """The lines of a file descriptor. A thread reads, because input may be a file as well as a pipe."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Each line without its end; ValueError for one longer than the limit."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[bytes] = asyncio.Queue()
        room = threading.Semaphore(_AHEAD)
        # A daemon: the input may stay open after we were told to end.
        threading.Thread(target=self._read, args=(loop, chunks, room), daemon=True).start()
        rest = b""
        while chunk := await chunks.get():
            room.release()
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if line.strip():
                    yield line.rstrip(b"\r")
            if len(rest) > LIMIT:
                raise ValueError(f"a line is longer than {LIMIT} bytes")
        if rest.strip():
            yield rest

    def _read(
        self, loop: asyncio.AbstractEventLoop, chunks: "asyncio.Queue[bytes]", room: threading.Semaphore
    ) -> None:
        while True:
            room.acquire()
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except OSError:
                chunk = b""
            try:
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            except RuntimeError:
                return  # the loop has ended
            if not chunk:
                return


class Output:
    """Writes whole lines; who reads slowly slows the conversation down and nothing else."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._lock = asyncio.Lock()

    async def write(self, message: bytes) -> None:
        """One message as one line: JSON has line breaks only between tokens. BrokenPipeError when nobody reads."""
        line = message.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
        async with self._lock:
            await asyncio.to_thread(self._all, line)

    def _all(self, line: bytes) -> None:
        view = memoryview(line)
        while view:
            view = view[os.write(self._descriptor, view) :]
