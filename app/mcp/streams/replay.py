"""The events of one stream, kept for a while so that a client that lost its connection can take up where it was."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

MOST_EVENTS = 256
MOST_BYTES = 1024 * 1024


class Replay:
    """Events have ids `name-number`; the oldest are forgotten first, and who comes back too late misses them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.readers = 0
        """Connections that follow it now."""
        self.closed = False
        self._kept: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._last = 0
        self._taken = 0
        self._turn = 0
        self._news = asyncio.Event()

    def put(self, message: bytes) -> bytes:
        """Keep one event; its id."""
        self._last += 1
        self._kept.append((self._last, message))
        self._bytes += len(message)
        while len(self._kept) > MOST_EVENTS or (self._bytes > MOST_BYTES and len(self._kept) > 1):
            self._bytes -= len(self._kept.popleft()[1])
        self._told()
        return self.id_of(self._last)

    def close(self) -> None:
        """Nothing more will come: who follows it has heard the last when it heard all that is kept."""
        self.closed = True
        self._told()

    def id_of(self, number: int) -> bytes:
        """The id of an event of this stream."""
        return f"{self.name}-{number}".encode()

    async def follow(self, after: int | None) -> AsyncIterator[tuple[bytes, bytes]]:
        """Ids and events later than `after` (None: than the last that a connection took), as they come.

        One connection follows at a time: each new one ends the one before, which may be broken without anybody's knowing.
        """
        seen = self._taken if after is None else after
        self.readers += 1
        self._turn += 1
        turn = self._turn
        self._told()
        try:
            while turn == self._turn:
                news = self._news
                for number, message in [one for one in self._kept if one[0] > seen]:
                    if turn != self._turn:
                        return
                    seen = number
                    yield self.id_of(number), message
                if self.closed and seen >= self._last:
                    return
                if self._last <= seen:
                    await news.wait()
        finally:
            self.readers -= 1
            self._taken = max(seen, self._taken)

    def _told(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def place_of(event_id: str) -> tuple[str, int] | None:
    """Stream and number of an id as it came back in `Last-Event-ID`; None when it is none of ours."""
    name, dash, number = event_id.rpartition("-")
    if not dash or not name or not number.isascii() or not number.isdigit() or len(number) > 15:
        return None
    return name, int(number)
