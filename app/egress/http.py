"""The lean pooled HTTP/1.1 client of the hot path (RFC 9110, RFC 9112): one Upstream per declared origin."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from app.core.errors import ConfigError, EgressError, UpstreamError
from app.core.passage import Passage
from app.egress.http_connection import BEAT, HttpConnection, Reply

_CONNECTION = "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"
HOP_BY_HOP = frozenset((*_CONNECTION, "proxy-authenticate", "proxy-authorization"))
REPEATABLE = frozenset(("GET", "PUT", "DELETE", "OPTIONS"))
IDLE_SECONDS = 4.0
"""Below the five seconds after which common servers close: a POST must not meet a connection that is going."""
WAITING = 1024
P = TypeVar("P", bound=asyncio.BaseProtocol)
Headers = Iterable[tuple[str, str]]


class Connects(Protocol):
    """Opens sockets to declared destinations and to nothing else; EgressError otherwise."""

    async def connect(
        self, host: str, port: int, protocol: Callable[[], P], *, tls: ssl.SSLContext | None
    ) -> tuple[asyncio.BaseTransport, P]:
        """A connected transport and its protocol."""
        ...


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an upstream is; `path` is put before every target and has no slash at its end."""

    name: str
    host: str
    port: int
    secure: bool
    path: str

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_origin(name: str, url: str) -> Origin:
    """The origin of a base URL in the profile; ConfigError says what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(
            f"{name}: the URL {url!r} cannot be read ({error}).", remedy="Correct it."
        ) from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username
        or parts.query
        or parts.fragment
    ):
        raise ConfigError(
            f"{name}: {url!r} is not a base URL.",
            remedy="Write http(s)://HOST[:PORT][/PATH] without user, query or fragment.",
        )
    secure = parts.scheme == "https"
    default = 443 if secure else 80
    return Origin(
        name=name, host=parts.hostname, port=port or default, secure=secure, path=parts.path.rstrip("/")
    )


def end_to_end(headers: Headers) -> list[tuple[str, str]]:
    """The headers that may travel on: without hop-by-hop ones and those Connection names (RFC 9110 7.6.1)."""
    pairs = list(headers)
    named = {part.strip().lower() for key, value in pairs if key == "connection" for part in value.split(",")}
    drop = HOP_BY_HOP | named if named else HOP_BY_HOP
    return [(key, value) for key, value in pairs if key not in drop]


class Upstream:
    """A pool of connections to one origin. Every request demands the Passage of an admitted call."""

    def __init__(
        self,
        *,
        origin: Origin,
        connector: Connects,
        tls: ssl.SSLContext | None = None,
        connections: int = 256,
        timeout: float = 300.0,
        connect_timeout: float = 10.0,
    ) -> None:
        if origin.secure and tls is None:
            raise ConfigError(
                f"{origin.name}: https needs a TLS context.", remedy="Pass the site's trust to the upstream."
            )
        self.origin = origin
        self._connector = connector
        self._tls = tls if origin.secure else None
        self._cap = connections
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._idle: list[HttpConnection] = []
        self._live: set[HttpConnection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = self._retired = False

    async def request(
        self,
        passage: Passage,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        repeatable: bool = False,
        heartbeat: float = 0.0,
    ) -> Reply:
        """Send and return the reply when its head is there; use it inside `async with`.

        Sent again once, on a new connection, when a pooled one was closed before any byte of the answer and
        repeating is safe by method or by the caller's word. `heartbeat`: seconds of silence after which
        iterating yields BEAT. UpstreamError or EgressError otherwise; redirects are answers like others.
        """
        if not isinstance(passage, Passage):
            raise EgressError(
                "Nothing leaves without an admitted call.", remedy="Pass the Passage that `admit` gave."
            )
        head = self._head(passage, method, target, headers, len(body))
        connection, pooled = await self._take()
        try:
            return await connection.exchange(head, body, heartbeat=heartbeat)
        except UpstreamError as error:
            again = pooled and error.kind == "closed" and not connection.answered
            if not again or not (repeatable or method in REPEATABLE):
                raise
        self._drop_idle()
        connection, _ = await self._take()
        return await connection.exchange(head, body, heartbeat=heartbeat)

    def retire(self) -> None:
        """Keep no connection: those in use end with their calls."""
        self._retired = True
        self._drop_idle()

    async def aclose(self) -> None:
        """End all connections, also those in use."""
        self._closed = True
        for connection in list(self._live):
            connection.abort(UpstreamError("Sallyport is shutting down.", kind="closed", status=503))
        while self._waiters:
            self._wake_one()

    def _head(self, passage: Passage, method: str, target: str, headers: Headers, length: int) -> bytes:
        lines = [f"{method} {self.origin.path}{target} HTTP/1.1", f"host: {self.origin.authority}"]
        lines.extend(
            f"{key}: {value}" for key, value in end_to_end(headers) if key not in ("host", "content-length")
        )
        lines.append(f"traceparent: {passage.trace.traceparent}")
        if length or method in ("POST", "PUT", "PATCH"):
            lines.append(f"content-length: {length}")
        text = "\r\n".join(lines)
        breaks = len(lines) - 1
        if (
            text.count("\n") != breaks
            or text.count("\r") != breaks
            or "\0" in text
            or lines[0].count(" ") != 2
        ):
            raise UpstreamError(
                "A header or the target holds characters that HTTP does not allow.",
                kind="protocol",
                status=400,
            )
        try:
            return f"{text}\r\n\r\n".encode("latin-1")
        except UnicodeEncodeError:
            raise UpstreamError(
                "A header holds characters beyond Latin-1.", kind="protocol", status=400
            ) from None

    async def _take(self) -> tuple[HttpConnection, bool]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._connect_timeout
        while not self._closed:
            while self._idle:
                connection = self._idle.pop()
                if loop.time() - connection.idle_since < IDLE_SECONDS:
                    return connection, True
                connection.abort(UpstreamError("Idle for too long.", kind="closed"))
            if len(self._live) + self._opening < self._cap:
                return await self._open(loop), False
            await self._wait(loop, deadline)
        raise UpstreamError("Sallyport is shutting down.", kind="closed", status=503)

    async def _wait(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if len(self._waiters) >= WAITING:
            raise UpstreamError(f"Too many calls wait for {self.origin.name}.", kind="connect", status=503)
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self._wake_one()
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            if not isinstance(error, TimeoutError):
                raise
            busy = f"All {self._cap} connections to {self.origin.name} are busy."
            raise UpstreamError(busy, kind="connect", status=503) from None

    async def _open(self, loop: asyncio.AbstractEventLoop) -> HttpConnection:
        self._opening += 1
        name = self.origin.name
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await self._connector.connect(
                    self.origin.host,
                    self.origin.port,
                    lambda: HttpConnection(loop=loop, timeout=self._timeout, idle=self._settled),
                    tls=self._tls,
                )
        except TimeoutError:
            raise UpstreamError(
                f"{name} did not accept a connection in {self._connect_timeout:g} seconds.",
                kind="connect",
                status=504,
            ) from None
        except ssl.SSLError as error:
            raise UpstreamError(f"TLS with {name} failed: {error.reason or error}.", kind="connect") from None
        except OSError as error:
            raise UpstreamError(
                f"{name} cannot be reached ({error.strerror or error}).", kind="connect"
            ) from None
        else:
            if not connection.closed:
                self._live.add(connection)
            return connection
        finally:
            self._opening -= 1
            if self._opening + len(self._live) < self._cap:
                self._wake_one()

    def _settled(self, connection: HttpConnection, reusable: bool) -> None:
        if reusable and self._retired:
            connection.abort(UpstreamError("This upstream is not used any more.", kind="closed"))
        elif reusable and not self._closed:
            self._idle.append(connection)
        else:
            self._live.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
        self._wake_one()

    def _drop_idle(self) -> None:
        for connection in list(self._idle):
            connection.abort(UpstreamError("The upstream closes its idle connections.", kind="closed"))

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


__all__ = [
    "BEAT",
    "HOP_BY_HOP",
    "Connects",
    "Headers",
    "Origin",
    "Reply",
    "Upstream",
    "end_to_end",
    "parse_origin",
]
