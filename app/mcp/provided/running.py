"""A request to a provider, and the call that it becomes while it runs."""

from collections.abc import Callable
from typing import Any

import msgspec

from app.core.passage import Passage
from app.mcp import protocol
from app.mcp.upstream.ports import Caller, Outgoing, Relay

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request; `loud` is the least level of messages that the caller wants to hear of."""

    passage: Passage
    caller: Caller
    outgoing: Outgoing
    relay: Relay
    loud: str = ""

    def member(self, name: str) -> Any:
        """Of `params`, decoded, whether it came as bytes, as values or as values of bytes; None when it is absent."""
        return msgspec.json.decode(msgspec.json.encode(self.outgoing.params.get(name)))


class Running:
    """The `Inquiry` that the provider sees."""

    def __init__(
        self, asked: Asked, *, name: str, arguments: dict[str, Any], announce: Callable[[str], None]
    ) -> None:
        self.passage = asked.passage
        self.name = name
        self.arguments = arguments
        self.capabilities = asked.caller.capabilities
        self.answers: dict[str, Any] = asked.member("inputResponses") or {}
        self.state: str | None = asked.member("requestState")
        self._announce = announce
        self._asked = asked

    def announce(self, changed: str) -> None:
        """Passed on to all who listen, of whichever caller."""
        self._announce(changed)

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Passed on if the caller gave a token for it."""
        token = self._asked.outgoing.progress
        if token is None:
            return
        params: dict[str, Any] = {"progressToken": token, "progress": done}
        params |= {"total": total} if total is not None else {}
        params |= {"message": message} if message else {}
        await self._asked.relay.notify(protocol.notification("notifications/progress", params))

    async def log(self, level: str, data: Any) -> None:
        """Passed on if the caller wants to hear of this level."""
        loud = self._asked.loud
        if loud in LEVELS and LEVELS.index(level) >= LEVELS.index(loud):
            params = {"level": level, "logger": self.name, "data": data}
            await self._asked.relay.notify(protocol.notification("notifications/message", params))
