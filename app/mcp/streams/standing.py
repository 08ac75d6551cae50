"""The HTTP side of a GET in a session: events as they come, from where the client lost them."""

import asyncio
import contextlib

from app.extensions import Request, Stream
from app.mcp.answers import Answer
from app.mcp.streams.answering import BEAT_SECONDS, event_of
from app.mcp.streams.replay import Replay


class StandingStream:
    """One connection that follows one stream of a session."""

    def __init__(self, request: Request, *, headers: dict[str, str]) -> None:
        self._request = request
        self._headers = headers
        self.response: Stream | None = None

    async def send(self, replay: Replay, after: int | None) -> Answer:
        """Send until the stream is over or the client is gone."""
        headers = {**self._headers, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        lock = asyncio.Lock()
        with contextlib.suppress(ConnectionError):
            response = self.response = await self._request.begin(200, headers)
            async with asyncio.TaskGroup() as group:
                beats = group.create_task(_beat(response, lock))
                async for identifier, message in replay.follow(after):
                    async with lock:
                        await response.write(event_of(message, identifier))
                beats.cancel()
            await response.end()
        return Answer()


async def _beat(response: Stream, lock: asyncio.Lock) -> None:
    async with lock:
        await response.write(b": open\n\n")
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        async with lock:
            with contextlib.suppress(ConnectionError):
                await response.write(b": waiting\n\n")
