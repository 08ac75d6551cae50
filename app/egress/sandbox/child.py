"""A running program and everything it started: its streams, how it ended, and its end as a whole."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess

from app.egress.sandbox.level import Level

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one message; a program that sends more is ended."""
GRACE = 2.0
"""Seconds a program gets after its input closed, and again after SIGTERM."""
_LOOK = 0.02
_LAST_WORDS = 0.5


class Child:
    """`pid` is the leader of its session and group; in a process namespace of its own, the first one there."""

    def __init__(self, *, pid: int, level: Level, stub: subprocess.Popen[bytes]) -> None:
        self.pid = pid
        self.level = level
        self.returncode: int | None = None
        """Negative for a signal, as everywhere in Python."""
        self.sockets: list[socket.socket] = []
        """Of a program with a port: TCP sockets made in its network, whoever may connect them reaches it."""
        self.stdin: asyncio.StreamWriter
        self.stdout: asyncio.StreamReader
        self.stderr: asyncio.StreamReader
        self._stub = stub
        self._transports: list[asyncio.BaseTransport] = []
        self._gone = asyncio.Event()
        self._watched = -1

    async def connect(self, to_input: int, from_output: int, from_errors: int) -> None:
        """Take over the pipes, and notice when the process ends."""
        loop = asyncio.get_running_loop()
        streams = []
        for descriptor in (from_output, from_errors):
            reader = asyncio.StreamReader(limit=LINE_LIMIT)
            file = os.fdopen(descriptor, "rb", buffering=0)
            transport, _ = await loop.connect_read_pipe(
                lambda reader=reader: asyncio.StreamReaderProtocol(reader), file
            )
            self._transports.append(transport)
            streams.append(reader)
        self.stdout, self.stderr = streams
        unread = asyncio.StreamReader()
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(unread), os.fdopen(to_input, "wb", buffering=0)
        )
        self._transports.append(transport)
        self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)
        self._watch(loop)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._watched = os.pidfd_open(self.pid)
        except OSError:
            return  # a kernel before 5.3: `exited` looks for itself
        loop.add_reader(self._watched, self._look)

    def _look(self) -> bool:
        """Take its exit code if it ended."""
        if self.returncode is not None:
            return True
        if self.pid == self._stub.pid:
            self.returncode = self._stub.poll()
        else:
            self._stub.poll()
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        if self.returncode is None:
            return False
        self._gone.set()
        self._unwatch()
        return True

    def _unwatch(self) -> None:
        if self._watched >= 0:
            asyncio.get_running_loop().remove_reader(self._watched)
            os.close(self._watched)
            self._watched = -1

    async def exited(self, *, within: float) -> bool:
        """Whether the process itself ended in time, whoever still holds its pipes."""
        left = within
        while not self._look() and left > 0:
            pause = min(left, within if self._watched >= 0 else _LOOK)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._gone.wait()
            left -= pause
        return self._look()

    def signal(self, number: signal.Signals) -> None:
        """To its whole group; nothing when the group is gone."""
        if self.returncode is None or self._group_lives():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def end(self, *, grace: float = GRACE) -> None:
        """Close its input, then SIGTERM, then SIGKILL, always to everything in its group."""
        self.stdin.close()
        if not await self.exited(within=grace):
            self.signal(signal.SIGTERM)
            await self.exited(within=grace)
        self.signal(signal.SIGKILL)
        await self.exited(within=GRACE)
        await self._group_gone()
        for stream in (self.stdout, self.stderr):
            await _drain(stream)
        self._close()

    async def reap(self) -> None:
        """Of a start that failed: nothing is connected yet."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)
        await self.exited(within=GRACE)
        self._stub.wait()

    def _close(self) -> None:
        self._unwatch()
        for one in self.sockets:
            one.close()
        for transport in self._transports:
            if isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():
                transport.abort()  # closing would wait for a reader that is gone
            else:
                transport.close()
        self._stub.poll()

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    async def _group_gone(self) -> None:
        """Give the kernel a moment to end them all; a zombie that nobody reaps is not waited for longer."""
        left = _LAST_WORDS
        while left > 0 and self._group_lives():
            await asyncio.sleep(_LOOK)
            left -= _LOOK


async def _drain(stream: asyncio.StreamReader) -> None:
    """Read what is left, so that the pipe closes."""
    with contextlib.suppress(TimeoutError, ValueError):
        async with asyncio.timeout(_LAST_WORDS):
            while await stream.read(1024 * 1024):
                pass
