"""The conversation with a program that serves HTTP: ready when its port answers, asked over its own loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from app.core.clock import Clock
from app.core.errors import UpstreamError
from app.core.passage import Passage
from app.egress.http import Origin
from app.egress.http import Upstream as HttpUpstream
from app.egress.outside import Outside
from app.egress.sandbox import Child
from app.mcp.protocol import Era
from app.mcp.remote.exchange import Exchange
from app.mcp.remote.server import RemoteServer
from app.mcp.upstream.asking import silence
from app.mcp.upstream.ports import Caller, Description, Outgoing, Relay, Reply
from app.mcp.web.lent import Lent

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_ONE_TRY = 10.0
_READ = 4096
_PING = b'{"jsonrpc":"2.0","id":0,"method":"ping"}'
_AGAIN = "somebody else listens on its port"


class Web:
    """Sessions, eras and errors are those of a remote server; the address is the program's own loopback."""

    def __init__(
        self,
        name: str,
        child: Child,
        *,
        port: int,
        path: str,
        timeout: float,
        us: dict[str, Any],
        clock: Clock,
        keep: Callable[[asyncio.StreamReader], Any],
        own: Callable[[], bool],
        outside: Outside | None = None,
    ) -> None:
        self.name = name
        self.era: Era = "old"
        self.description = Description()
        self.heard = self.used = clock.monotonic()
        self.announced = 0
        self._child = child
        self._port = port
        self._path = path
        self._clock = clock
        self._keep = keep
        self._own = own
        """Whether nobody but the program listens on its port."""
        self._running = 0
        self._lent = Lent(child.sockets, port, outside=outside)
        self._http = HttpUpstream(
            origin=Origin(name=name, host="localhost", port=port, secure=False, path=path.rstrip("/")),
            connector=self._lent,
            connections=max(1, self._lent.most - 1),  # one is left to ask whether it is well
            timeout=silence(timeout),
        )
        target = "/" if path.endswith("/") else ""
        self._server = RemoteServer(name, Exchange(name, self._http, target=target), clock=clock, us=us)

    async def greet(self, *, probe: bool) -> None:
        """Wait until it answers; UpstreamError when it is not the program that does."""
        pause = _FIRST_PAUSE
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ONE_TRY):
                    if await self._answers():
                        break
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        if not self._own():
            raise UpstreamError(f"{_AGAIN} ({self._port})", kind="connect")

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._running > 0

    async def alive(self) -> bool:
        """Whether it answers HTTP, whatever it says, and whether it is the program that does."""
        return await self._answers() and self._own()

    async def _answers(self) -> bool:
        try:
            sock = await self._lent.open()
        except UpstreamError:
            return False
        loop = asyncio.get_running_loop()
        head = (
            f"POST {self._path} HTTP/1.1\r\nhost: localhost:{self._port}\r\ncontent-type: application/json\r\n"
            "accept: application/json, text/event-stream\r\nconnection: close\r\n"
            f"content-length: {len(_PING)}\r\n\r\n"
        )
        try:
            await loop.sock_sendall(sock, head.encode("ascii") + _PING)
            said = await loop.sock_recv(sock, _READ)
        except OSError:
            return False
        finally:
            self._lent.give_back(sock)
        self.heard = self._clock.monotonic()
        return said.startswith(b"HTTP/1.")

    async def read(self) -> str:
        """Its standard output is a log like its errors; that it closes means nothing."""
        await self._keep(self._child.stdout)
        await asyncio.Event().wait()
        return ""

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """As a remote server."""
        async with self._asking():
            return await self._server.describe(passage, caller)

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """As a remote server."""
        async with self._asking():
            return await self._server.request(passage, caller, outgoing, relay)

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """As a remote server."""
        await self._server.forget(passage, caller)

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self.heard = self.used = self._clock.monotonic()

    async def aclose(self) -> None:
        """The program ends: calls that are under way fail."""
        await self._http.aclose()
