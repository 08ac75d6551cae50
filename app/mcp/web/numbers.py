"""Ports for programs: from the profile's range, or any that the kernel says is free."""

import contextlib
import socket

from app.core.errors import UpstreamError


class Ports:
    """No two programs have the same one, also where each has a network of its own."""

    def __init__(self, first: int = 0, last: int = 0) -> None:
        self._taken: dict[str, int] = {}
        self._next = 0
        self.allow(first, last)

    def allow(self, first: int, last: int) -> None:
        """From now on; 0 leaves the choice to the kernel."""
        self._first, self._last = first, last

    def take(self, name: str) -> int:
        """A port that nobody listens on; UpstreamError when there is none."""
        port = self._of_range() if self._first else self._of_kernel()
        self._taken[name] = port
        return port

    def give_back(self, name: str) -> None:
        """The program ended."""
        self._taken.pop(name, None)

    def _of_range(self) -> int:
        """The longest unused first: what was just given back may linger."""
        size = self._last - self._first + 1
        for step in range(size):
            port = self._first + (self._next + step) % size
            if port not in self._taken.values() and _is_free(port):
                self._next = (port - self._first + 1) % size
                return port
        raise UpstreamError(
            f"no port of mcp.ports ({self._first}-{self._last}) is free", kind="connect", status=503
        )

    def _of_kernel(self) -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in self._taken.values():
                return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
