"""Resolve a declared destination, check each address, connect to the one that was checked."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from ssl import SSLContext
from typing import TypeVar

from app.core.errors import EgressError, UpstreamError
from app.egress.destinations import Destination, Destinations, checked
from app.egress.guard import Guard

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Connector:
    """The one way out for every client of this process."""

    def __init__(self, *, destinations: Destinations, guard: Guard) -> None:
        self._destinations = destinations
        self._guard = guard

    def exchange(self, section: str, fresh: Iterable[Destination]) -> tuple[list[str], list[str]]:
        """Let a section of the profile declare these destinations from now on; returns places opened and closed."""
        return self._destinations.exchange(section, fresh)

    def lend(self, sock: socket.socket) -> None:
        """A socket in the network of a program of ours may be connected there."""
        self._guard.lend(sock)

    async def connect(
        self,
        host: str,
        port: int,
        protocol: Callable[[], P],
        *,
        tls: SSLContext | None = None,
        timeout: float = 10.0,
    ) -> tuple[asyncio.Transport, P]:
        """Open a connection; EgressError if undeclared, UpstreamError if nobody answers."""
        self._destinations.find(host, port)
        try:
            async with asyncio.timeout(timeout):
                return await self._first(host, port, protocol, tls)
        except TimeoutError:
            raise UpstreamError(
                f"{host}:{port} did not answer in {timeout:g} s.", kind="timeout", status=504
            ) from None

    async def _first(
        self, host: str, port: int, protocol: Callable[[], P], tls: SSLContext | None
    ) -> tuple[asyncio.Transport, P]:
        failure = "no address"
        for address in await self.resolve(host, port):
            self._guard.expect(address, port, host=host)
            try:
                return await asyncio.get_running_loop().create_connection(
                    protocol, address, port, ssl=tls, server_hostname=host if tls else None
                )
            except OSError as error:
                failure = error.strerror or str(error)
        raise UpstreamError(f"{host}:{port} cannot be reached: {failure}.", kind="connect")

    async def resolve(self, host: str, port: int) -> list[str]:
        """The checked addresses of a declared host, in the resolver's order."""
        try:
            return [str(checked(host))]
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise UpstreamError(
                f"{host} cannot be resolved: {error.strerror or error}.", kind="connect"
            ) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = []
        refused: EgressError | None = None
        for address in addresses:
            try:
                allowed.append(str(checked(address)))
            except EgressError as error:
                refused = error
        if not allowed and refused is not None:
            raise refused
        return allowed
