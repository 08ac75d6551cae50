"""The requests that wait for a program's answer, each under a number of ours."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator

from app.core.errors import UpstreamError
from app.mcp.protocol import Wire
from app.mcp.upstream.asking import ASKING

_WAITING = 256
"""Notifications kept for a caller that reads slowly; more are dropped."""
Item = Wire | UpstreamError


class OpenRequests:
    """`calls` are those of callers, oldest first; `uses` those of them in whose middle a program may ask."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.uses: list[int] = []
        self._ids = itertools.count(1)
        self._open: dict[int, asyncio.Queue[Item]] = {}
        self._ended: UpstreamError | None = None

    @property
    def busy(self) -> bool:
        """Whether anybody waits."""
        return bool(self._open)

    @contextlib.contextmanager
    def slot(self, method: str) -> Iterator[tuple[int, asyncio.Queue[Item]]]:
        """A number, and what comes for it; `method` is empty for a request of our own."""
        if self._ended is not None:
            raise UpstreamError(self._ended.message, kind=self._ended.kind)
        number = next(self._ids)
        queue: asyncio.Queue[Item] = asyncio.Queue()
        self._open[number] = queue
        lists = [self.calls] if method else []
        lists += [self.uses] if method in ASKING else []
        for one in lists:
            one.append(number)
        try:
            yield number, queue
        finally:
            del self._open[number]
            for one in lists:
                one.remove(number)

    def deliver(self, number: int | None, wire: Wire, *, final: bool) -> bool:
        """Give a message to the request of this number; whether it is open."""
        queue = self._open.get(number) if number is not None else None
        if queue is not None and (final or queue.qsize() < _WAITING):
            queue.put_nowait(wire)
        return queue is not None

    def end(self, error: UpstreamError) -> None:
        """Nothing comes any more: every request fails, and each that is begun later."""
        self._ended = error
        for queue in self._open.values():
            queue.put_nowait(UpstreamError(error.message, kind=error.kind))
