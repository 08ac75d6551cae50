"""The tripwire: any connection or look-up that did not come through the connector is refused and logged.

Python's audit hooks see sockets of Python code; uvloop's own connects and look-ups are covered by `guarded_loop`.
libpq is blind to both: the only database address it is ever given is the profile's. The kernel is the enforcement.
"""

import asyncio
import ipaddress
import logging
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from app.core.errors import EgressError
from app.egress.destinations import Destinations, checked

log = logging.getLogger(__name__)

_FRAMES = 24


class Guard:
    """Knows which addresses the connector has checked; refuses the rest before a socket opens."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self._expected: dict[tuple[str, int], set[str]] = {}
        self._lent: WeakSet[socket.socket] = WeakSet()
        self.refused = 0
        self._watching = False

    def expect(self, address: str, port: int, *, host: str) -> None:
        """The connector has checked this address of a declared host; it holds while the host is declared."""
        self._expected.setdefault((address, port), set()).add(host)

    def lend(self, sock: socket.socket) -> None:
        """This socket belongs to the network of a program of ours: connecting it leaves nothing."""
        self._lent.add(sock)

    def allows(self, host: str, port: int) -> bool:
        """Whether a connect to this address, or a look-up of this host, is declared."""
        if any(self._destinations.names(named, port) for named in self._expected.get((host, port), ())):
            return True
        try:
            checked(host)
        except EgressError:
            return False
        except ValueError:
            return self._destinations.names_host(host)
        return self._destinations.names(host, port)

    def check(self, host: object, port: object) -> None:
        """Raise EgressError for anything undeclared, with the code path in the log."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        number = int(port) if isinstance(port, int) or (isinstance(port, str) and port.isdigit()) else 0
        if self.allows(name, number):
            return
        self.refused += 1
        path = " < ".join(
            f"{frame.name} ({frame.filename}:{frame.lineno})"
            for frame in traceback.extract_stack()[-_FRAMES:-2][::-1]
        )
        log.error("egress refused: %s:%s, tried by %s", name, port, path)
        raise EgressError(
            f"{name}:{port} is not a declared destination.", remedy="Declare it in the profile."
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch this process while the block runs; a hook cannot be taken out again, it only falls silent."""
        self._watching = True
        sys.addaudithook(self._audit)
        try:
            yield
        finally:
            self._watching = False

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            sock, address = args[0], args[1]
            internet = sock.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple)
            if internet and sock not in self._lent:
                self.check(address[0], address[1])
        elif event == "socket.getaddrinfo":
            if args[0] is not None and not _passive(args[0]):
                self.check(args[0], args[1])
        elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
            self.check(args[0], 0)
        elif event == "socket.getnameinfo":
            self.check(args[0][0], args[0][1])


def _passive(host: object) -> bool:
    """An address literal needs no look-up, so asking for it leaves nothing."""
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


def guarded_loop(guard: Guard) -> asyncio.AbstractEventLoop:
    """An uvloop whose own connects and look-ups ask the guard first."""
    import uvloop  # noqa: PLC0415 - 15 ms that commands without a server need not pay

    class GuardedLoop(uvloop.Loop):
        async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
            host = kwargs.get("host", args[1] if len(args) > 1 else None)
            if host is not None:
                guard.check(host, kwargs.get("port", args[2] if len(args) > 2 else None))
            return await super().create_connection(*args, **kwargs)

        async def create_datagram_endpoint(self, *args: Any, **kwargs: Any) -> Any:
            remote = kwargs.get("remote_addr", args[2] if len(args) > 2 else None)
            # Without a peer it could send anywhere, and nobody would be asked.
            guard.check(*(remote[:2] if remote is not None else ("any datagram peer", 0)))
            return await super().create_datagram_endpoint(*args, **kwargs)

        async def getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
            if host is not None and not _passive(host):
                guard.check(host, port)
            return await super().getaddrinfo(host, port, **kwargs)

        async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
            guard.check(sockaddr[0], sockaddr[1])
            return await super().getnameinfo(sockaddr, flags)

    return GuardedLoop()
