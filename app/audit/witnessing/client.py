"""Asking a witness: one request of HTTP/1.1 to a declared destination."""

import asyncio
import ssl

from app.audit.tlog.note import VerifierKey, parse_key
from app.config.schema import Witness
from app.core.errors import ConfigError, ProofError, UpstreamError
from app.egress import Connector
from app.egress.http import Origin, parse_origin
from app.egress.http_connection import HttpConnection

_MAX_ANSWER = 256 * 1024


class WitnessClient:
    """A witness of the profile: its key, and the way to it."""

    def __init__(self, name: str, settings: Witness, *, connector: Connector, tls: ssl.SSLContext) -> None:
        self.name = name
        self.key = _key(name, settings.key)
        self._origin: Origin = parse_origin(f"record.witnesses.{name}", settings.url)
        self._timeout = settings.timeout
        self._connector = connector
        self._tls = tls if self._origin.secure else None

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """Status and text of the answer; UpstreamError when there is none."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._ask(body)
        except TimeoutError:
            raise UpstreamError(
                f"The witness {self.name} did not answer in {self._timeout:g} s.", kind="timeout"
            ) from None

    async def _ask(self, body: bytes) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        _, connection = await self._connector.connect(
            self._origin.host,
            self._origin.port,
            lambda: HttpConnection(loop=loop, timeout=self._timeout, idle=lambda *_: None),
            tls=self._tls,
            timeout=self._timeout,
        )
        head = (
            f"POST {self._origin.path}/add-checkpoint HTTP/1.1\r\nhost: {self._origin.authority}\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        try:
            async with await connection.exchange(head.encode("latin-1"), body) as reply:
                return reply.status, await reply.read(_MAX_ANSWER)
        finally:
            connection.abort(UpstreamError("Asked and answered.", kind="closed"))


def _key(name: str, text: str) -> VerifierKey:
    try:
        return parse_key(text)
    except ProofError as error:
        raise ConfigError(
            f"record.witnesses.{name}.key: {error.message}",
            remedy="Copy the line that the witness prints when it starts.",
        ) from None
