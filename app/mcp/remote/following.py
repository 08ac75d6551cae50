"""What a remote server says before its answer, put to the caller; and the wires around both."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from app.mcp import protocol
from app.mcp.protocol import METHOD_NOT_FOUND, Era, Wire
from app.mcp.upstream.ports import Outgoing, Relay, Reply

Tell = Callable[[bytes], Awaitable[None]]
"""Sends a response back to the server."""


class Following:
    """`tell` is None in the modern era, which has no requests of servers."""

    def __init__(self, outgoing: Outgoing, relay: Relay, tell: Tell | None) -> None:
        self._outgoing = outgoing
        self._relay = relay
        self._tell = tell

    async def __call__(self, wire: Wire, data: bytes) -> None:
        """One message: a notification is passed on, a question is asked."""
        if wire.method is UNSET:
            return
        if wire.id is not UNSET:
            await self.question(wire)
            return
        if wire.method == "notifications/progress":
            if self._outgoing.progress is None or wire.params is UNSET:
                return
            data = protocol.progress(wire.params, self._outgoing.progress)
        await self._relay.notify(data)

    async def question(self, wire: Wire) -> None:
        """Ask the caller, or tell the server that it cannot be asked."""
        tell = self._tell
        if tell is None or wire.method is UNSET or wire.id is UNSET:
            return
        identifier = bytes(wire.id)

        async def respond(body: bytes) -> None:
            await tell(protocol.with_id(body, identifier))

        params = wire.params if wire.params is not UNSET else None
        if not await self._relay.ask(wire.method, params, respond):
            message = f"This client cannot be asked for {wire.method[:100]}."
            await tell(protocol.error(identifier, METHOD_NOT_FOUND, message))


def with_token(meta: dict[str, Any], outgoing: Outgoing, number: int) -> dict[str, Any]:
    """The meta of a request whose caller wants progress, under our own number."""
    return {**meta, "progressToken": number} if outgoing.progress is not None else meta


def text_of(value: Any) -> str | None:
    """A member of the caller's parameters, if it is a string."""
    if isinstance(value, Raw):
        value = msgspec.json.decode(value)
    return value if isinstance(value, str) else None


def reply_of(wire: Wire, *, era: Era, session: str = "") -> Reply:
    """A response as the answer of a request."""
    if wire.result is not UNSET:
        return Reply(result=wire.result, era=era, session=session)
    return Reply(error=wire.error if wire.error is not UNSET else None, era=era, session=session)
