"""The HTTP side of one answer: JSON when that is all there is, an event stream once there is more to say."""

import asyncio
import contextlib

from aiohttp import web
from msgspec import Raw

from app.mcp.answers import Answer
from app.mcp.sessions import MOST_ASKS, Session
from app.mcp.upstream.ports import Respond

BEAT_SECONDS = 15.0
"""Silence after which a stream is begun and kept open, so that no proxy gives up on a slow tool."""


class AnswerStream:
    """The relay of one POST. Only a caller that accepts event streams gets more than the answer."""

    def __init__(self, request: web.BaseRequest, *, streams: bool, headers: dict[str, str]) -> None:
        self._request = request
        self._streams = streams
        self._headers = headers
        self._response: web.StreamResponse | None = None
        self._lock = asyncio.Lock()
        self.session: Session | None = None
        """Set when the caller has a session in which it can answer questions."""

    async def notify(self, message: bytes) -> None:
        """Send one event; to a caller that went away, nothing: its cancellation is under way."""
        if self._streams:
            await self._send(b"event: message\ndata: " + _one_line(message) + b"\n\n")

    async def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Put a server's request to the caller under a number of ours; its response finds `respond`."""
        session = self.session
        if session is None or not self._streams or len(session.asks) >= MOST_ASKS:
            return False
        number = b'"ask-%d"' % next(session.numbers)
        session.asks[number] = respond
        body = b'{"jsonrpc":"2.0","id":' + number + b',"method":"' + method.encode() + b'"'
        body += b',"params":' + bytes(params) + b"}" if params is not None else b"}"
        await self.notify(body)
        return True

    async def beat(self) -> None:
        """A comment after each silence, until cancelled."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._streams:
                await self._send(b": waiting\n\n")

    async def _send(self, event: bytes) -> None:
        async with self._lock:
            with contextlib.suppress(ConnectionError):
                await self._write(event)
                return
            self._streams = False

    async def _write(self, event: bytes) -> None:
        if self._response is None:
            headers = {**self._headers, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
            response = web.StreamResponse(status=200, headers=headers)
            await response.prepare(self._request)
            self._response = response
        await self._response.write(event)

    async def finish(self, answer: Answer) -> web.StreamResponse:
        """Send the answer as the last event, or as plain JSON with its own status."""
        if self._response is None:
            return response_of(answer, self._headers)
        await self.notify(answer.body)
        with contextlib.suppress(ConnectionError):
            await self._response.write_eof()
        return self._response


def response_of(answer: Answer, headers: dict[str, str]) -> web.Response:
    """An answer as a whole response."""
    headers = {**headers, **answer.headers}
    if not answer.body:
        return web.Response(status=answer.status, headers=headers)
    headers["Content-Type"] = "application/json"
    return web.Response(body=answer.body, status=answer.status, headers=headers)


def _one_line(message: bytes) -> bytes:
    """JSON has line breaks only between tokens, where a space does as well."""
    return (
        message.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in message or b"\r" in message else message
    )
