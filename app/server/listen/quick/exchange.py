"""One plain request and its answer in pieces, over the connection that carries them."""

import asyncio
from typing import TYPE_CHECKING, cast

from app.core.errors import InputError
from app.extensions import Fields, Params, ShortEndpoint
from app.server.listen.quick.head import Head
from app.server.listen.quick.writing import LAST_CHUNK, chunk

if TYPE_CHECKING:
    from app.server.listen.quick.connection import QuickConnection


class Aimed:
    """A short endpoint that a request line names."""

    __slots__ = ("endpoint", "params", "path", "query")

    def __init__(self, endpoint: ShortEndpoint, params: Params, path: str, query: str) -> None:
        self.endpoint, self.params, self.path, self.query = endpoint, params, path, query


class Waiting:
    """A request whose body has not come whole."""

    __slots__ = ("missing", "pieces", "request", "timer")

    def __init__(
        self, request: "QuickRequest", timer: asyncio.TimerHandle, pieces: list[bytes], missing: int
    ) -> None:
        self.request, self.timer, self.pieces, self.missing = request, timer, pieces, missing


class QuickRequest:
    """One plain request."""

    __slots__ = ("_connection", "aimed", "body", "head")

    method = "POST"

    def __init__(self, connection: "QuickConnection", aimed: Aimed, head: Head) -> None:
        self._connection = connection
        self.aimed = aimed
        self.head = head
        self.body: bytes | None = None

    @property
    def path(self) -> str:
        """As it was sent."""
        return self.aimed.path

    @property
    def query(self) -> str:
        """As it was sent."""
        return self.aimed.query

    @property
    def headers(self) -> Fields:
        """All of them."""
        return cast("Fields", self.head.fields)

    @property
    def remote(self) -> str | None:
        """The address of whoever calls."""
        return self._connection.remote(self.headers)

    @property
    def gone(self) -> bool:
        """Whether the client's connection is closed."""
        return self._connection.gone

    async def read(self) -> bytes:
        """The whole body; InputError when it did not come in time."""
        if self.body is None:
            raise InputError("The request body did not arrive in time.", status=408, code="body_timeout")
        return self.body

    async def begin(self, status: int, headers: dict[str, str]) -> "QuickStream":
        """Begin an answer in pieces."""
        return await self._connection.begin(self, status, headers)


class QuickStream:
    """An answer in chunks."""

    __slots__ = ("_connection", "_ended", "_head")

    def __init__(self, connection: "QuickConnection", head: bytes) -> None:
        self._connection = connection
        self._head = head
        self._ended = False

    async def write(self, data: bytes) -> None:
        """Send a piece; the first takes the head with it."""
        if data:
            head, self._head = self._head, b""
            await self._connection.write(head + chunk(data) if head else chunk(data))

    def offer(self, data: bytes) -> bool:
        """Send a piece at once, if the head has left and the client keeps up."""
        connection = self._connection
        if self._head or connection.writing_paused or connection.gone or connection.transport is None:
            return False
        if data:
            connection.transport.write(chunk(data))
        return True

    async def end(self) -> None:
        """Send the last chunk, once."""
        if not self._ended:
            self._ended = True
            head, self._head = self._head, b""
            await self._connection.write(head + LAST_CHUNK)
