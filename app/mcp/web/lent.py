"""Connections to a program in its own network, over sockets that were made there before it started.

A TCP socket stays in the network namespace that it was made in, whoever connects it. So neither a forwarder nor a right
to enter the namespace is needed. There is no way to make more of them later: each is used again, after connect(2) with
AF_UNSPEC has dissolved what it was connected to.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from app.core.errors import UpstreamError
from app.egress.outside import Outside

P = TypeVar("P", bound=asyncio.BaseProtocol)
_PLACES: dict[int, str] = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
_NOWHERE = struct.pack("@H14x", socket.AF_UNSPEC)
_libc = ctypes.CDLL(None, use_errno=True)


class Lent:
    """Connects to one port of the loopback of one program, and to nothing else."""

    def __init__(self, sockets: list[socket.socket], port: int, *, outside: Outside | None = None) -> None:
        self._port = port
        self._outside = outside
        """Connects where the kernel holds this process to other ports; None where it does not."""
        self._free: dict[int, deque[socket.socket]] = {family: deque() for family in _PLACES}
        self._all = sockets
        self._answers: int = 0
        """The family of the loopback address that the program listens on, once it is known."""
        for one in sockets:
            self._free[one.family].append(one)

    @property
    def most(self) -> int:
        """Connections that can be open at once."""
        return max((sum(one.family == family for one in self._all) for family in _PLACES), default=0)

    async def connect(
        self, host: str, port: int, protocol: Callable[[], P], *, tls: ssl.SSLContext | None
    ) -> tuple[asyncio.BaseTransport, P]:
        """A connection to the program, wherever `host` and `port` point."""
        sock = await self.open()
        try:
            passing = _Passing(protocol(), lambda: self.give_back(sock))
            copy = sock.dup()
        except BaseException:
            self.give_back(sock)
            raise
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: passing, sock=copy)
        except BaseException:
            copy.close()
            self.give_back(sock)
            raise
        return transport, passing.inner

    async def open(self) -> socket.socket:
        """A connected socket, to be given back; UpstreamError when nobody listens or all are in use."""
        failure = "nobody listens on its port"
        for family in [self._answers] if self._answers else list(_PLACES):
            if not self._free[family]:
                failure = "all connections to it are in use"
                continue
            sock = self._free[family].popleft()
            try:
                _dissolve(sock)
                await self._join(sock, (_PLACES[family], self._port))
            except OSError as error:
                self.give_back(sock)
                failure = error.strerror or failure
            except BaseException:
                self.give_back(sock)
                raise
            else:
                self._answers = family
                return sock
        raise UpstreamError(f"The program cannot be reached: {failure}.", kind="connect")

    async def _join(self, sock: socket.socket, place: tuple[str, int]) -> None:
        if self._outside is not None:
            await self._outside.connect(sock, place)
        else:
            await asyncio.get_running_loop().sock_connect(sock, place)

    def give_back(self, sock: socket.socket) -> None:
        """The program sees the end at once; the socket is dissolved when it is used again."""
        with contextlib.suppress(OSError):  # it may not be connected
            sock.shutdown(socket.SHUT_RDWR)
        self._free[sock.family].append(sock)

    def close(self) -> None:
        """The program ended."""
        for one in self._all:
            one.close()


def _dissolve(sock: socket.socket) -> None:
    if _libc.connect(sock.fileno(), _NOWHERE, len(_NOWHERE)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class _Passing(asyncio.Protocol, Generic[P]):
    """Hands everything on, and tells when the connection is over: its transport has a copy of the socket only."""

    def __init__(self, inner: P, over: Callable[[], None]) -> None:
        self.inner = inner
        self._over = over
        self._given = inner if isinstance(inner, asyncio.Protocol) else asyncio.Protocol()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._given.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._given.data_received(data)

    def eof_received(self) -> bool | None:
        return self._given.eof_received()

    def pause_writing(self) -> None:
        self._given.pause_writing()

    def resume_writing(self) -> None:
        self._given.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            self._given.connection_lost(exc)
        finally:
            self._over()
