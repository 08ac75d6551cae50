"""Who listens for changes (`subscriptions/listen`), each within what it asked for."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.errors import UpstreamError
from app.mcp import protocol
from app.mcp.upstream.ports import Relay

MOST = 1_000
MOST_ADDRESSES = 100
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
_KINDS: Mapping[str, str] = {f"{kind}ListChanged": kind for kind in ("tools", "prompts", "resources")}


class Wishes(msgspec.Struct, frozen=True):
    """The view of what a request to listen asks for."""

    lists: dict[str, bool]
    addresses: list[str]

    @classmethod
    def read(cls, notifications: Any) -> "Wishes":
        """What of it can be honored: anything else is left out, and the acknowledgement says so."""
        asked = notifications if isinstance(notifications, dict) else {}
        addresses = asked.get("resourceSubscriptions")
        given = addresses if isinstance(addresses, list) else []
        return cls(
            lists={name: True for name in _KINDS if asked.get(name) is True},
            addresses=[one for one in given if isinstance(one, str)][:MOST_ADDRESSES],
        )

    @property
    def honored(self) -> dict[str, Any]:
        """As the acknowledgement puts it."""
        return {**self.lists, **({"resourceSubscriptions": self.addresses} if self.addresses else {})}


class Listener:
    """One open stream: what it wants to hear of, and what changed since it was last told."""

    def __init__(self, wishes: Wishes) -> None:
        self.wants = {_KINDS[name] for name in wishes.lists} | set(wishes.addresses)
        self.changed: set[str] = set()
        self.woken = asyncio.Event()


class Listeners:
    """Streams that are open at this moment. What changes twice while a listener reads slowly is told once."""

    def __init__(self) -> None:
        self._open: set[Listener] = set()
        self._numbers = 0

    def announce(self, changed: str) -> None:
        """`tools`, `prompts` or `resources` are others now, or the resource at an address is."""
        for one in self._open:
            if changed in one.wants:
                one.changed.add(changed)
                one.woken.set()

    async def listen(self, wishes: Wishes, relay: Relay) -> None:
        """Acknowledge, then pass on what was asked for until cancelled."""
        if len(self._open) >= MOST:
            raise UpstreamError(f"{MOST} callers listen already.", kind="too_large", status=503)
        self._numbers += 1
        meta = {SUBSCRIPTION: str(self._numbers)}
        listener = Listener(wishes)
        self._open.add(listener)
        try:
            acknowledged = {"_meta": meta, "notifications": wishes.honored}
            await relay.notify(
                protocol.notification("notifications/subscriptions/acknowledged", acknowledged)
            )
            while True:
                await listener.woken.wait()
                listener.woken.clear()
                told, listener.changed = sorted(listener.changed), set()
                for changed in told:
                    await relay.notify(_notification(changed, meta))
        finally:
            self._open.discard(listener)


def _notification(changed: str, meta: dict[str, str]) -> bytes:
    if changed in _KINDS.values():
        return protocol.notification(f"notifications/{changed}/list_changed", {"_meta": meta})
    return protocol.notification("notifications/resources/updated", {"_meta": meta, "uri": changed})
