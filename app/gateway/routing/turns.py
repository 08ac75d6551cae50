"""So many calls at once; the others wait for their turn in order, a little while."""

import asyncio
from collections import deque

WAITING = 1024


class Turns:
    """`most` at once; 0 is any number."""

    __slots__ = ("_most", "_waiters", "taken")

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._waiters)

    @property
    def free(self) -> bool:
        """Whether a call could go at once."""
        return not self._most or (self.taken < self._most and not self._waiters)

    async def take(self, seconds: float) -> bool:
        """Wait for a turn at most so long; whether there is one, which must be given back."""
        if self.free:
            self.taken += 1
            return True
        if seconds <= 0 or len(self._waiters) >= WAITING:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self.give()  # it came at the very moment of giving up
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            if not isinstance(error, TimeoutError):
                raise
            return False
        return True

    def give(self) -> None:
        """Give a turn back: to whoever waits longest, or to the next who comes."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.taken -= 1
