"""The HTTP side of one answer: JSON when that is all there is, an event stream once there is more to say."""

import asyncio
import contextlib

from msgspec import Raw

from app.extensions import Answered, Request, Response, Stream
from app.mcp.answers import Answer
from app.mcp.protocol import LATEST_OLD
from app.mcp.streams.replay import Replay
from app.mcp.streams.sessions import Session
from app.mcp.upstream.ports import Respond

BEAT_SECONDS = 15.0
"""Silence after which a stream is begun and kept open, so that no proxy gives up on a slow tool."""


class AnswerStream:
    """The relay of one POST. Only a caller that accepts event streams gets more than the answer."""

    def __init__(self, request: Request, *, streams: bool, headers: dict[str, str]) -> None:
        self._request = request
        self._streams = streams
        self._headers = headers
        self._response: Stream | None = None
        self._lock = asyncio.Lock()
        self._gone = False
        self.session: Session | None = None
        """Set when the caller has a session in which it can answer questions."""
        self.replay: Replay | None = None
        """What was sent, for a caller with a session whose connection breaks."""

    async def notify(self, message: bytes) -> None:
        """Send one event; to a caller that went away, nothing: its cancellation is under way."""
        if not self._streams:
            return
        identifier = b""
        if self.session is not None:
            if self.replay is None:
                self.replay = self.session.answer_stream()
            identifier = self.replay.put(message)
        await self._send(event_of(message, identifier))

    async def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Put a server's request to the caller under a number of ours; its response finds `respond`."""
        session = self.session
        if session is None or not self._streams:
            return False
        body = session.question(method, params, respond)
        if body is not None:
            await self.notify(body)
        return body is not None

    @property
    def broken(self) -> bool:
        """Whether the client's connection is closed."""
        return self._request.gone

    def lost(self) -> bool:
        """The connection broke; whether what follows is kept for a client that may come back."""
        self._gone = True
        if self.replay is None:
            self._streams = False
        return self.replay is not None

    async def beat(self) -> None:
        """A comment after each silence, until cancelled; the first tells a session where it could take up again."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if not self._streams:
                continue
            if self.replay is None and self.session is not None and self.session.version == LATEST_OLD:
                self.replay = self.session.answer_stream()
                await self._send(b"id: " + self.replay.id_of(0) + b"\ndata:\n\n")
            await self._send(b": waiting\n\n")

    async def _send(self, event: bytes) -> None:
        async with self._lock:
            if self._gone:
                return
            with contextlib.suppress(ConnectionError):
                await self._write(event)
                return
            self.lost()

    async def _write(self, event: bytes) -> None:
        if self._response is None:
            headers = {**self._headers, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
            self._response = await self._request.begin(200, headers)
        await self._response.write(event)

    async def finish(self, answer: Answer) -> Answered:
        """Send the answer as the last event, or as plain JSON with its own status."""
        if self._response is None:
            return response_of(answer, self._headers)
        await self.notify(answer.body)
        if self.replay is not None:
            self.replay.close()
        with contextlib.suppress(ConnectionError):
            await self._response.end()
        return self._response


def response_of(answer: Answer, headers: dict[str, str]) -> Response:
    """An answer as a whole response."""
    headers = {**headers, **answer.headers}
    if not answer.body:
        return Response(status=answer.status, headers=headers)
    headers["Content-Type"] = "application/json"
    return Response(body=answer.body, status=answer.status, headers=headers)


def event_of(message: bytes, identifier: bytes = b"") -> bytes:
    """One server-sent event. JSON has line breaks only between tokens, where a space does as well."""
    if b"\n" in message or b"\r" in message:
        message = message.replace(b"\r", b" ").replace(b"\n", b" ")
    name = b"id: " + identifier + b"\n" if identifier else b""
    return name + b"event: message\ndata: " + message + b"\n\n"
