"""Sessions of ours with one remote server: never one for two principals."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator

import msgspec

from app.mcp.upstream.ports import Caller, Description

MOST = 2000


class RemoteSession(msgspec.Struct, frozen=True, kw_only=True):
    """What `initialize` agreed with the server; some servers give no id."""

    id: str
    version: str
    description: Description

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The header fields of each request in it."""
        fields = (("mcp-protocol-version", self.version),)
        return (*fields, ("mcp-session-id", self.id)) if self.id else fields


class Slot:
    """The place of one caller's session; its lock lets one request open it while others wait."""

    __slots__ = ("lock", "session")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.session: RemoteSession | None = None


class RemoteSessions:
    """By principal and by the caller's own session; the longest unused gives way."""

    def __init__(self) -> None:
        self._slots: OrderedDict[tuple[str, str], Slot] = OrderedDict()
        self._news = asyncio.Event()

    def find(self, caller: Caller) -> RemoteSession | None:
        """The caller's session if it is open: the short way of nearly every request."""
        key = (caller.principal, caller.session)
        slot = self._slots.get(key)
        if slot is None or slot.session is None:
            return None
        self._slots.move_to_end(key)
        return slot.session

    @contextlib.asynccontextmanager
    async def slot(self, caller: Caller) -> AsyncIterator[Slot]:
        """The caller's place, held while it is filled."""
        key = (caller.principal, caller.session)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot()
            if len(self._slots) > MOST:
                self._slots.popitem(last=False)
        async with slot.lock:
            before = slot.session
            yield slot
            if slot.session is not before:
                self._news.set()
                self._news = asyncio.Event()

    async def opened(self, caller: Caller) -> RemoteSession:
        """The caller's session, once there is one."""
        while (found := self.find(caller)) is None:
            await self._news.wait()
        return found

    def drop(self, caller: Caller) -> RemoteSession | None:
        """Forget the caller's session and return it."""
        slot = self._slots.pop((caller.principal, caller.session), None)
        return slot.session if slot is not None else None
