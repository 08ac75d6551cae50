"""Whether the server answers `/readyz` on this host, as the release that is to be judged."""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from app.core.errors import SallyportError
from app.egress import Connector

_PAUSE = 0.2
_LARGEST = 64 * 1024

Probe = Callable[[], str]
"""Asks once: an empty string when ready, else why not."""


def readiness(connector: Connector, host: str, port: int, *, encrypted: bool) -> Probe:
    """A probe of the listener of this host, whose certificate says nothing here and is not asked."""

    def probe() -> str:
        try:
            return asyncio.run(_ask(connector, host, port, _context() if encrypted else None))
        except (SallyportError, OSError, ssl.SSLError, TimeoutError, ValueError) as error:
            return str(error) or type(error).__name__

    return probe


def _context() -> ssl.SSLContext:
    """TLS towards ourselves on loopback: nothing secret is sent, and who answers is seen by the lock it holds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Answer(asyncio.Protocol):
    """Collects one answer until the other side closes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data[: _LARGEST - len(self.data)]

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def _ask(connector: Connector, host: str, port: int, tls: ssl.SSLContext | None) -> str:
    transport, answer = await connector.connect(host, port, _Answer, tls=tls, timeout=5.0)
    try:
        transport.write(
            f"GET /readyz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        async with asyncio.timeout(10.0):
            await answer.ended.wait()
    finally:
        transport.abort()
    status = bytes(answer.data[:32]).split(b" ")
    if status[:1] != [b"HTTP/1.1"] or len(status) < 2:
        return f"{host}:{port} does not answer as a server of ours"
    return "" if status[1] == b"200" else f"/readyz answers {status[1].decode('ascii', 'replace')}"


def wait_healthy(
    probe: Probe, *, program: Callable[[], Path | None], release: Path, by_hand: bool, seconds: float
) -> str:
    """Until the release answers as ready; else the last reason why it did not.

    `program` tells what serves the site. Where that cannot be seen, the answer counts only if we started it.
    """
    deadline = time.monotonic() + seconds
    while True:
        reason = probe()
        serving = program()
        if not reason:
            if serving is None and by_hand:
                reason = "it cannot be seen which program answers"
            elif serving is not None and not serving.is_relative_to(release):
                reason = f"{serving} answers, which is not the new release"
        if not reason or time.monotonic() >= deadline:
            return reason
        time.sleep(_PAUSE)
