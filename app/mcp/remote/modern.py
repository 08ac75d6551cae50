"""A remote server in 2026-07-28: every request stands alone."""

import contextlib
import itertools
from typing import Any

import msgspec
from msgspec import UNSET

from app.core.passage import Passage
from app.mcp import protocol
from app.mcp.protocol import MODERN, UNSUPPORTED_VERSION, Wire, envelope
from app.mcp.remote.exchange import Exchange, Fields, HttpError
from app.mcp.remote.following import Following, reply_of, text_of, with_token
from app.mcp.upstream.guest import settled_here
from app.mcp.upstream.ports import Caller, Description, Introduction, Outgoing, Relay, Reply


class Modern:
    """`spoken` is what the last discovery found."""

    def __init__(self, name: str, exchange: Exchange, *, numbers: "itertools.count[int]", us: dict[str, Any]):
        self.spoken = False
        self._name = name
        self._exchange = exchange
        self._numbers = numbers
        self._us = us

    async def discover(self, passage: Passage) -> Description | None:
        """What it says about itself; None when it does not speak this era."""
        try:
            wire = await self._introduced(passage)
            if _wants_modern(wire):  # a server that could not tell from the first request
                wire = await self._introduced(passage)
        except HttpError:
            self.spoken = False
            return None
        found = Introduction.read(wire, self._name)
        self.spoken = found is not None and MODERN in found.supportedVersions
        return found.description if found is not None and self.spoken else None

    async def _introduced(self, passage: Passage) -> Wire:
        meta = {envelope.VERSION: MODERN, envelope.CAPABILITIES: {}, envelope.CLIENT_INFO: self._us}
        number = next(self._numbers)
        body = protocol.request(number, "server/discover", {"_meta": meta})
        fields = _fields("server/discover", None)
        return (await self._exchange.ask(passage, number, body, fields)).wire

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request under the caller's own envelope."""
        if (settled := settled_here(outgoing)) is not None:
            return settled
        number = next(self._numbers)
        meta = {
            **outgoing.meta,
            envelope.VERSION: MODERN,
            envelope.CLIENT_INFO: caller.info or self._us,
            envelope.CAPABILITIES: caller.capabilities,
            "traceparent": passage.trace.traceparent,
        }
        params = {**outgoing.params, "_meta": with_token(meta, outgoing, number)}
        key = envelope.named_by(outgoing.method)
        name = text_of(outgoing.params.get(key)) if key else None
        fields = (*_fields(outgoing.method, name), *outgoing.headers)
        body = protocol.request(number, outgoing.method, params)
        follow = Following(outgoing, relay, None)
        answered = await self._exchange.ask(passage, number, body, fields, follow)
        return reply_of(answered.wire, era="modern")


class _Supported(msgspec.Struct):
    supported: list[str] = []


class _Refusal(msgspec.Struct):
    code: int = 0
    data: _Supported = msgspec.field(default_factory=_Supported)


def _wants_modern(wire: Wire) -> bool:
    """Whether a refusal lists the very version that was asked for."""
    if wire.error is UNSET:
        return False
    with contextlib.suppress(msgspec.MsgspecError):
        error = msgspec.json.decode(wire.error, type=_Refusal)
        return error.code == UNSUPPORTED_VERSION and MODERN in error.data.supported
    return False


def _fields(method: str, name: str | None) -> Fields:
    fields = (("mcp-protocol-version", MODERN), ("mcp-method", method))
    return fields if name is None else (*fields, ("mcp-name", envelope.encode_header(name)))
