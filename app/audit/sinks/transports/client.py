"""One HTTP/1.1 connection to one declared destination (RFC 9110), without the corridor.

Upstreams of the hot path demand the passage of an admitted call. Forwarding is no call: each row that it sends was
admitted when it was written, and admitting its delivery would make another row, to be delivered in its turn.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence

import msgspec

from app.core.errors import DeliveryError, UpstreamError
from app.egress import Connector
from app.egress.http import IDLE_SECONDS, Origin
from app.egress.http_connection import HttpConnection

_ANSWER_BYTES = 4 * 1024 * 1024
Headers = Sequence[tuple[str, str]]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Status, body and the seconds of `Retry-After`, 0 without one."""

    status: int
    body: bytes
    retry_after: float = 0.0

    @property
    def members(self) -> dict[str, object]:
        """The body's members if it is a JSON object, else none."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, object])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {}

    @property
    def said(self) -> str:
        """The beginning of the body, for a message."""
        text = " ".join(self.body[:400].decode("utf-8", "replace").split())
        return f": {text[:200]}" if text else ""


class Client:
    """Posts to one origin, one request at a time; a connection that was closed meanwhile is opened again."""

    def __init__(
        self,
        *,
        origin: Origin,
        connector: Connector,
        tls: Callable[[], ssl.SSLContext],
        timeout: float,
    ) -> None:
        self.origin = origin
        self._connector = connector
        self._tls = tls
        self._timeout = timeout
        self._connection: HttpConnection | None = None

    async def post(self, target: str, headers: Headers, body: bytes) -> Answer:
        """The answer, whatever its status; UpstreamError, EgressError or DeliveryError without one."""
        head = self._head(target, headers, len(body))
        try:
            async with asyncio.timeout(self._timeout):
                used = self._usable()
                if used is not None:
                    try:
                        return await self._exchange(used, head, body)
                    except UpstreamError as error:
                        if error.kind != "closed" or used.answered:
                            raise
                return await self._exchange(await self._open(), head, body)
        except TimeoutError:
            self._drop()
            raise DeliveryError(f"{self.origin.name} did not answer in {self._timeout:g} s.") from None
        except BaseException:
            self._drop()
            raise

    async def aclose(self) -> None:
        """End the connection."""
        self._drop()

    def _usable(self) -> HttpConnection | None:
        connection = self._connection
        if connection is None or connection.closed:
            return None
        if asyncio.get_running_loop().time() - connection.idle_since >= IDLE_SECONDS:
            self._drop()
            return None
        return connection

    async def _exchange(self, connection: HttpConnection, head: bytes, body: bytes) -> Answer:
        async with await connection.exchange(head, body) as reply:
            data = await reply.read(_ANSWER_BYTES)
            wait = reply.header("retry-after")
            return Answer(
                status=reply.status, body=data, retry_after=float(wait) if wait.isdecimal() else 0.0
            )

    async def _open(self) -> HttpConnection:
        loop = asyncio.get_running_loop()
        _, connection = await self._connector.connect(
            self.origin.host,
            self.origin.port,
            lambda: HttpConnection(loop=loop, timeout=self._timeout, idle=lambda *_: None),
            tls=self._tls() if self.origin.secure else None,
        )
        self._connection = connection
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            connection.abort(UpstreamError("The sink is closed.", kind="closed"))

    def _head(self, target: str, headers: Headers, length: int) -> bytes:
        lines = [
            f"POST {self.origin.path}{target} HTTP/1.1",
            f"host: {self.origin.authority}",
            *(f"{name}: {value}" for name, value in headers),
            f"content-length: {length}",
        ]
        if any(ord(char) < 32 or ord(char) == 127 for line in lines for char in line) or " " in target:
            raise DeliveryError(
                f"{self.origin.name}: a header or the URL holds characters that HTTP does not allow.",
                remedy="Correct token, headers or url.",
            )
        return "\r\n".join([*lines, "", ""]).encode("utf-8")
