"""Short endpoints behind aiohttp: its request and its answers as theirs."""

from collections.abc import Mapping
from typing import cast

from aiohttp import web

from app.extensions import Fields, Params, Response, ShortEndpoint, Stream


class AdaptedRequest:
    """aiohttp's request as a short endpoint sees it."""

    __slots__ = ("_request",)

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request

    @property
    def method(self) -> str:
        """In capitals."""
        return self._request.method

    @property
    def path(self) -> str:
        """As it was sent."""
        return self._request.rel_url.raw_path

    @property
    def query(self) -> str:
        """As it was sent."""
        return self._request.rel_url.raw_query_string

    @property
    def headers(self) -> Fields:
        """All of them."""
        return cast("Fields", self._request.headers)

    @property
    def remote(self) -> str | None:
        """The address of whoever calls."""
        return self._request.remote

    @property
    def gone(self) -> bool:
        """Whether the client's connection is closed."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def read(self) -> bytes:
        """The whole body."""
        return await self._request.read()

    async def begin(self, status: int, headers: Mapping[str, str]) -> "AdaptedStream":
        """Begin an answer in pieces."""
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(self._request)
        return AdaptedStream(response)


class AdaptedStream:
    """aiohttp's begun answer."""

    __slots__ = ("response",)

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response

    async def write(self, data: bytes) -> None:
        """Send a piece."""
        await self.response.write(data)

    def offer(self, data: bytes) -> bool:
        """Never: aiohttp's answers are waited for."""
        return False

    async def end(self) -> None:
        """Send what ends the body."""
        await self.response.write_eof()


async def answer(short: ShortEndpoint, request: web.BaseRequest, params: Params) -> web.StreamResponse:
    """What a short endpoint answers, as aiohttp wants it."""
    answered: Response | Stream = await short(AdaptedRequest(request), params)
    if isinstance(answered, Response):
        return web.Response(status=answered.status, body=answered.body or None, headers=answered.headers)
    return cast("AdaptedStream", answered).response
