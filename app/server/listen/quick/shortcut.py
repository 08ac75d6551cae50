"""The shorter way: connections that read plain requests for short endpoints themselves, and hand over all others."""

import asyncio
import logging
import re
from typing import Protocol, cast

from aiohttp import web

from app.config.schema import Listen
from app.core.clock import Clock
from app.core.errors import SallyportError
from app.extensions import Answered, Fields, Response
from app.server.listen.failures import BROKEN, error_response, render
from app.server.listen.proxies import Proxies
from app.server.listen.quick.connection import QuickConnection
from app.server.listen.quick.exchange import Aimed, QuickRequest
from app.server.listen.quick.head import Head
from app.server.listen.quick.writing import Heads
from app.server.listen.router import Router

log = logging.getLogger(__name__)

_LINE = re.compile(rb"POST (/[A-Za-z0-9_/-]{1,256})(?:\?([A-Za-z0-9_=&.,:~+-]{0,1024}))? HTTP/1\.1")
_LINES_KEPT = 512


class Elder(Protocol):
    """The listener that reads all of HTTP."""

    router: Router
    clock: Clock
    draining: bool
    running: int

    def __call__(self) -> web.RequestHandler:
        """The protocol of a connection that aiohttp reads."""
        ...

    def knows_host(self, header: str) -> bool:
        """Whether the Host header names this server."""
        ...


class Shortcut:
    """All connections that were not handed over."""

    def __init__(self, elder: Elder, *, settings: Listen, proxies: Proxies) -> None:
        self.heads = Heads()
        self.body_timeout = settings.body_timeout
        self._elder = elder
        self._most = settings.max_body_bytes
        self._proxies = proxies
        self._loop = asyncio.get_running_loop()
        self._connections: set[QuickConnection] = set()
        self._aimed: dict[bytes, Aimed] = {}

    def connection(self) -> QuickConnection:
        """The protocol of a new connection."""
        connection = QuickConnection(self, self._loop, self._elder.clock.monotonic)
        self._connections.add(connection)
        return connection

    @property
    def draining(self) -> bool:
        """Whether connections end after their answer."""
        return self._elder.draining

    @property
    def busy(self) -> bool:
        """Whether a request is being read or answered."""
        return any(connection.busy for connection in self._connections)

    def close_idle(self, now: float, *, first: float, later: float) -> None:
        """End connections that sent no whole request head in time."""
        for connection in list(self._connections):
            patience = later if connection.answers else first
            if not connection.busy and (now - connection.since > patience or self.draining):
                connection.close()

    async def shutdown(self, timeout: float | None) -> None:
        """End all; whoever is still answered gets `timeout` seconds, then is cancelled."""
        tasks = {connection.task for connection in self._connections if connection.task is not None}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=timeout)
        for connection in list(self._connections):
            connection.close()

    # what connections ask

    def aimed(self, line: bytes) -> Aimed | None:
        """What a request line asks for; None when no short endpoint."""
        found = self._aimed.get(line)
        if found is not None:
            return found
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        path, query = match[1].decode(), (match[2] or b"").decode()
        route = self._elder.router.find("POST", path)
        if route.route is None or route.route.short is None:
            return None
        found = Aimed(route.route.short, route.params, path, query)
        if len(self._aimed) < _LINES_KEPT:
            self._aimed[line] = found
        return found

    def takes(self, head: Head) -> bool:
        """Whether the host is ours and the body not too large."""
        return head.length <= self._most and self._elder.knows_host(str(head.fields.get("host")))

    def remote_of(self, peer: str, fields: Fields) -> str:
        """Who calls."""
        return self._proxies.client(peer, fields.getall(self._proxies.header, []))

    async def answered(self, request: QuickRequest, aimed: Aimed) -> Answered:
        """The endpoint's answer, or what its failure is told as; only cancellation is raised."""
        self._elder.running += 1
        try:
            return await aimed.endpoint(request, aimed.params)
        except SallyportError as error:
            return _plain(render(error))
        except ConnectionResetError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return _plain(error_response(500, *BROKEN))
        finally:
            self._elder.running -= 1

    def hand_over(self, connection: QuickConnection, data: bytes) -> None:
        """Let aiohttp go on with the connection, from these bytes on."""
        self._connections.discard(connection)
        transport = connection.transport
        if transport is None or transport.is_closing():
            return
        elder = self._elder()
        transport.set_protocol(elder)
        elder.connection_made(transport)
        if connection.writing_paused:
            elder.pause_writing()
        elder.data_received(data)

    def left(self, connection: QuickConnection) -> None:
        """The connection is over."""
        self._connections.discard(connection)


def _plain(response: web.Response) -> Response:
    body = cast("bytes", response.body or b"")
    return Response(status=response.status, body=body, headers=dict(response.headers))
