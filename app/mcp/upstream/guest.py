"""The one caller of a program of its own: what the program is told at its start and again after a restart."""

from typing import Any

import msgspec

from app.mcp.protocol import LATEST_OLD, METHOD_NOT_FOUND, MODERN
from app.mcp.upstream.asking import answerable
from app.mcp.upstream.ports import Caller, Outgoing, Reply

CLAIMS = frozenset({"logging/setLevel", "resources/subscribe"})
"""What a caller asks for that is kept for its whole session, and so cannot be had of a shared program."""
_MOST_KEPT = 256


class Guest:
    """`caller` is as its latest request had it; one without a session has a `berth` in place of it."""

    def __init__(self, caller: Caller, *, berth: str = "") -> None:
        self.caller = caller
        self.berth = berth
        self._kept: dict[tuple[str, str], Outgoing] = {}

    def introduction(self, us: dict[str, Any]) -> dict[str, Any]:
        """The parameters of `initialize`: the client's own, so that the program knows what it may ask."""
        old = self.caller.era == "old"
        return {
            "protocolVersion": (self.caller.version if old else "") or LATEST_OLD,
            "capabilities": self.caller.capabilities if old else answerable(self.caller),
            "clientInfo": self.caller.info or us,
        }

    def remember(self, outgoing: Outgoing) -> None:
        """Keep what a request set for the rest of the session."""
        if outgoing.method == "logging/setLevel":
            self._kept[outgoing.method, ""] = outgoing
        elif outgoing.method == "resources/subscribe" and len(self._kept) < _MOST_KEPT:
            self._kept["resources/subscribe", _uri(outgoing)] = outgoing
        elif outgoing.method == "resources/unsubscribe":
            self._kept.pop(("resources/subscribe", _uri(outgoing)), None)

    @property
    def settings(self) -> list[Outgoing]:
        """What a program that was started again must be told."""
        return list(self._kept.values())


def settled_here(outgoing: Outgoing) -> Reply | None:
    """What the modern era has no request for is answered by us: a log level rides in each request from then on."""
    if outgoing.method == "logging/setLevel":
        return Reply(result=msgspec.Raw(b"{}"), era="modern")
    if outgoing.method in ("resources/subscribe", "resources/unsubscribe"):
        text = f"{outgoing.method} cannot be carried to a server that speaks {MODERN} only."
        error = {"code": METHOD_NOT_FOUND, "message": text}
        return Reply(error=msgspec.Raw(msgspec.json.encode(error)), era="modern")
    return None


def _uri(outgoing: Outgoing) -> str:
    value = outgoing.params.get("uri")
    value = msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
    return value if isinstance(value, str) else ""
