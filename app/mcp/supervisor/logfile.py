"""A program's standard error in a file: rotated by size, slowed down by rate, out of the program's own reach."""

import asyncio
import contextlib
import logging
from collections import deque
from pathlib import Path
from typing import BinaryIO

from app.core.clock import Clock
from app.mcp.upstream.rate import Rate
from app.secrets import Redactor, Stream

LIMIT = 1024 * 1024
"""Bytes of one file; one older file is kept beside it."""
_CHUNK = 64 * 1024
_EACH_SECOND, _BURST = 256 * 1024, 1024 * 1024
_LINE = 2000
_log = logging.getLogger(__name__)


def log_path(data: Path, server: str) -> Path:
    """Where the standard error of a server is kept."""
    return data / "logs" / "mcp" / f"{server}.log"


class LogFile:
    """Neither the file nor `last`, the last lines, holds a known secret.

    A file that cannot be written costs the lines, not the program.
    """

    def __init__(self, path: Path, *, clock: Clock, redactor: Redactor, limit: int = LIMIT) -> None:
        self.last: deque[str] = deque(maxlen=50)
        self._path = path
        self._clock = clock
        self._redactor = redactor
        self._clean = Stream(redactor)
        self._limit = limit
        self._file: BinaryIO | None = None
        self._size = 0
        self._rate = Rate(each_second=_EACH_SECOND, burst=_BURST)

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Keep what comes until it ends; a program that says too much has to wait for us."""
        clean = Stream(self._redactor)  # of its own: two streams must not break each other's words
        try:
            while chunk := await stream.read(_CHUNK):
                self._keep(clean.feed(chunk))
                if not self._rate.take(len(chunk), now=self._clock.monotonic()):
                    await asyncio.sleep(len(chunk) / _EACH_SECOND)
        finally:
            self._keep(clean.close())

    def note(self, text: str) -> None:
        """A line of ours: starts and ends stand between what the program said."""
        stamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._append(f"--- {stamp} {self._redactor.text(text)}\n".encode())

    def write(self, chunk: bytes) -> None:
        """Bytes of the program."""
        self._keep(self._clean.feed(chunk))

    def _keep(self, chunk: bytes) -> None:
        for line in chunk.decode("utf-8", "replace").splitlines():
            self.last.append(line[:_LINE])
            _log.debug("mcp %s: %s", self._path.stem, line[:_LINE])
        self._append(chunk)

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self._open()
            if self._file is not None:
                self._file.write(data)
                self._size += len(data)
                if self._size >= self._limit:
                    self._rotate()

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)
        self._size = self._path.stat().st_size

    def _rotate(self) -> None:
        self.close()
        self._path.replace(self._path.with_suffix(".log.1"))
        self._open()

    def close(self) -> None:
        """Until the next write."""
        if self._file is not None:
            self._file.close()
            self._file = None
