"""Who listens for changes (`subscriptions/listen`), each within what it asked for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import Any

import msgspec

from app.core.errors import UpstreamError
from app.mcp import protocol
from app.mcp.upstream.ports import Line, Relay

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

    def __init__(self, wants: Collection[str], also: Collection[str]) -> None:
        self._wants, self._also = wants, also
        self.changed: set[str] = set()
        self.woken = asyncio.Event()

    def hear(self, changed: str) -> None:
        """Note a change if it is one of those."""
        if changed in self._wants or changed in self._also:
            self.changed.add(changed)
            self.woken.set()


class Listeners:
    """Streams that are open at this moment. What changes twice while a listener reads slowly is told once."""

    def __init__(self) -> None:
        self._open: set[Listener] = set()
        self._numbers = 0

    def announce(self, changed: str) -> None:
        """`tools`, `prompts` or `resources` are others now, or the resource at an address is."""
        for one in self._open:
            one.hear(changed)

    async def listen(self, wishes: Wishes, relay: Relay) -> None:
        """Acknowledge, then pass on what was asked for until cancelled."""
        if len(self._open) >= MOST:
            raise UpstreamError(f"{MOST} callers listen already.", kind="too_large", status=503)
        self._numbers += 1
        meta = {SUBSCRIPTION: str(self._numbers)}
        with self._listener({_KINDS[name] for name in wishes.lists} | set(wishes.addresses)) as listener:
            acknowledged = {"_meta": meta, "notifications": wishes.honored}
            await relay.notify(
                protocol.notification("notifications/subscriptions/acknowledged", acknowledged)
            )
            async for changed in _changes(listener):
                await relay.notify(_notification(changed, {"_meta": meta}))

    async def stand(self, line: Line, addresses: set[str]) -> None:
        """The stream of a session of the older era, until cancelled: all lists, and `addresses` as they are then."""
        if len(self._open) >= MOST:
            return
        with self._listener(set(_KINDS.values()), addresses) as listener:
            async for changed in _changes(listener):
                line.notify(_notification(changed, {}))

    @contextlib.contextmanager
    def _listener(self, wants: Collection[str], also: Collection[str] = ()) -> Iterator[Listener]:
        listener = Listener(wants, also)
        self._open.add(listener)
        try:
            yield listener
        finally:
            self._open.discard(listener)


async def _changes(listener: Listener) -> AsyncIterator[str]:
    while True:
        await listener.woken.wait()
        listener.woken.clear()
        told, listener.changed = sorted(listener.changed), set()
        for changed in told:
            yield changed


def _notification(changed: str, params: dict[str, Any]) -> bytes:
    if changed in _KINDS.values():
        return protocol.notification(f"notifications/{changed}/list_changed", params)
    return protocol.notification("notifications/resources/updated", {**params, "uri": changed})
