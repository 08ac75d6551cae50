"""aiohttp's low-level server under our router: Host check, limits on headers, bodies and patience, last errors."""

import asyncio
import ipaddress
import logging
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

from aiohttp import HttpVersion10, HttpVersion11, web

from app.config.schema import Listen
from app.core.clock import Clock
from app.core.errors import InputError, NotFoundError, SallyportError
from app.extensions import Params, Route
from app.server.listen.adapted import answer
from app.server.listen.connection import Connection, require_compiled_parser
from app.server.listen.failures import BROKEN, error_response, render
from app.server.listen.proxies import Proxies
from app.server.listen.quick import Shortcut
from app.server.listen.router import Router

log = logging.getLogger(__name__)

FIRST_REQUEST_SECONDS = 30.0
KEEPALIVE_SECONDS = 90.0
HEADERS_BYTES = 64 * 1024
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Request(web.BaseRequest):
    """A request whose body arrives in time and within the limit, or ends in an InputError."""

    body_timeout = 30.0

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        # aiohttp would tell its own and Python's version to everybody.
        response.headers["Server"] = "sallyport"
        response.headers.setdefault("X-Content-Type-Options", "nosniff")

    async def read(self) -> bytes:
        """The whole body."""
        try:
            if self._payload.is_eof():
                return await super().read()
            async with asyncio.timeout(self.body_timeout):
                return await super().read()
        except TimeoutError:
            raise InputError(
                "The request body did not arrive in time.", status=408, code="body_timeout"
            ) from None
        except web.HTTPRequestEntityTooLarge:
            raise InputError(
                f"The request body is larger than {self._client_max_size} bytes.",
                remedy="Send less, or raise listen.max_body_bytes.",
                status=413,
                code="body_too_large",
            ) from None


class Listener(web.Server):
    """All doors behind one address. Without the `shortcut` aiohttp reads what it would have read."""

    def __init__(
        self,
        *,
        router: Router,
        settings: Listen,
        clock: Clock,
        names: frozenset[str],
        shortcut: bool = True,
    ) -> None:
        require_compiled_parser()
        super().__init__(
            self._handle,
            request_factory=self._request,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            max_headers=100,
            max_line_size=16 * 1024,
            max_field_size=16 * 1024,
        )
        self.router = router
        self.draining = False
        self.running = 0
        self._settings = settings
        self.clock = clock
        self._names = _OWN_NAMES | names
        self._proxies = Proxies(settings)
        self._idle: dict[Any, tuple[float, float]] = {}
        self._shortcut = Shortcut(self, settings=settings, proxies=self._proxies) if shortcut else None

    def __call__(self) -> Connection:
        """The protocol of a connection that aiohttp reads."""
        return Connection(self, loop=self._loop, **self._kwargs)

    def first(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return self() if self._shortcut is None else self._shortcut.connection()

    async def open(self, tls: SSLContext | None) -> asyncio.Server:
        """Listen on the profile's address; OSError if it is taken."""
        host, port = split_address(self._settings.address)
        loop = asyncio.get_running_loop()
        return await loop.create_server(self.first, host, port, ssl=tls, backlog=1024)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Start the patience for a first request."""
        super().connection_made(handler, transport)
        self._idle[handler] = (self.clock.monotonic(), FIRST_REQUEST_SECONDS)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget the connection."""
        super().connection_lost(handler, exc)
        self._idle.pop(handler, None)

    async def close_idle(self) -> None:
        """End connections that sent no whole request head in time; a job runs this."""
        now = self.clock.monotonic()
        for handler, (since, patience) in list(self._idle.items()):
            if now - since > patience or self.draining:
                handler.force_close()
                self._idle.pop(handler, None)
        if self._shortcut is not None:
            self._shortcut.close_idle(now, first=FIRST_REQUEST_SECONDS, later=KEEPALIVE_SECONDS)

    async def drain(self, seconds: float) -> bool:
        """Wait for running requests; False if some are still running after `seconds`."""
        self.draining = True
        deadline = self.clock.monotonic() + seconds
        while self.running or (self._shortcut is not None and self._shortcut.busy):
            if self.clock.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    async def shutdown(self, timeout: float | None = None) -> None:
        """End all connections; whoever is still answered gets `timeout` seconds, then is cancelled."""
        if self._shortcut is not None:
            await self._shortcut.shutdown(timeout)
        await super().shutdown(timeout)

    def _remote(self, message: Any, protocol: Any) -> str | None:
        """Who calls: the peer, or whom a declared proxy names."""
        peer = protocol.transport.get_extra_info("peername") if protocol.transport is not None else None
        if not peer:
            return None
        # Of what could not be parsed the headers are a plain, empty dictionary.
        said = message.headers.getall(self._proxies.header, []) if message.headers else []
        return self._proxies.client(str(peer[0]), said)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Request:
        request = Request(
            message,
            payload,
            protocol,
            writer,
            task,
            self._loop,
            client_max_size=self._settings.max_body_bytes,
            remote=self._remote(message, protocol),
        )
        request.body_timeout = self._settings.body_timeout
        return request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = request.protocol
        self._idle.pop(handler, None)
        self.running += 1
        try:
            response = await self._answer(request)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = error_response(500, *BROKEN)
        finally:
            self.running -= 1
            self._idle[handler] = (self.clock.monotonic(), KEEPALIVE_SECONDS)
        if self.draining:
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.version not in (HttpVersion10, HttpVersion11):
            return error_response(505, "http_version", "Send HTTP/1.1.")
        if sum(len(name) + len(value) for name, value in request.raw_headers) > HEADERS_BYTES:
            return error_response(431, "headers_too_large", "The request's headers are too large.")
        if not all(self.knows_host(host) for host in _hosts(request)):
            return error_response(
                421,
                "unknown_host",
                "This host name is not served here; add it to listen.names in the profile.",
            )
        found = self.router.find(request.method, request.rel_url.raw_path)
        if found.route is None:
            return _no_route(request, found.allowed)
        try:
            return await _called(found.route, request, found.params)
        except SallyportError as error:
            return render(error)
        except web.HTTPException as error:
            return error_response(error.status, "http_error", error.reason)

    def knows_host(self, header: str) -> bool:
        """Whether the Host header names this server (DNS rebinding ends here)."""
        name = header.lower()
        if name in self._names:
            return True
        return _host_of(name) in self._names


async def _called(route: Route, request: web.BaseRequest, params: Params) -> web.StreamResponse:
    if route.short is not None:
        return await answer(route.short, request, params)
    if route.endpoint is None:
        raise NotFoundError("Nothing answers here.")
    return await route.endpoint(request, params)


def _hosts(request: web.BaseRequest) -> list[str]:
    """The Host headers, and the host of an absolute-form target, which stands above them (RFC 9112 3.2.2)."""
    hosts = request.headers.getall("Host", [""])
    if request.raw_path.startswith("/"):
        return hosts
    target = urlsplit(request.raw_path)
    return [*hosts, target.netloc if target.scheme in ("http", "https") else target.path]


def _host_of(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


def _no_route(request: web.BaseRequest, allowed: tuple[str, ...]) -> web.Response:
    if allowed:
        response = error_response(
            405, "method_not_allowed", f"{request.method} is not allowed on {request.path[:200]}."
        )
        response.headers["Allow"] = ", ".join(allowed)
        return response
    return error_response(404, "not_found", f"There is nothing at {request.path[:200]}.")


def split_address(address: str) -> tuple[str, int]:
    """HOST:PORT or [V6]:PORT; ValueError otherwise."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(address)
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
