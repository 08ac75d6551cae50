"""A remote tool server over Streamable HTTP, in whichever era it and the caller share."""

import asyncio
import itertools
from typing import Any

from app.core.clock import Clock
from app.core.errors import EgressError, UpstreamError
from app.core.passage import Passage
from app.mcp.oauth import SignInWanted
from app.mcp.remote.exchange import Exchange, HttpError
from app.mcp.remote.modern import Modern
from app.mcp.remote.older import Older
from app.mcp.upstream.ports import Caller, Description, Outgoing, Relay, Reply, State, Status

_ASK_AGAIN_SECONDS = 300.0
"""How long a server that was found to be of the older era is taken for one."""


class RemoteServer:
    """Modern requests stand alone; the older era gets a session per principal and per session of theirs."""

    def __init__(self, name: str, exchange: Exchange, *, clock: Clock, us: dict[str, Any]) -> None:
        self.name = name
        self.sessions = True
        self._exchange = exchange
        self._clock = clock
        numbers = itertools.count(1)
        self._modern = Modern(name, exchange, numbers=numbers, us=us)
        self._older = Older(name, exchange, numbers=numbers, us=us)
        self._asked: float | None = None
        self._why = ""
        self._state: State = "unknown"

    def of(self, caller: Caller, method: str) -> "RemoteServer":
        """Itself."""
        return self

    def place(self, caller: Caller) -> str:
        """It may show each principal something else, and something else in each era."""
        return f"{caller.era} {caller.principal}"

    @property
    def changes(self) -> int:
        """Nothing is heard between calls."""
        return 0

    async def run(self) -> None:
        """Nothing goes on in the background; at the end the connections are closed."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._exchange.aclose()

    def renew(self) -> None:
        """Sessions that were opened with the secrets before are not used again."""
        self._older.renew()

    def state(self) -> Status:
        """What the last call met."""
        return Status(state=self._state, why=self._why)

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """Ask it; in the older era that opens the caller's session."""
        try:
            found = await self._described(passage, caller)
        except SignInWanted:
            raise  # of this caller: the server is well
        except (UpstreamError, EgressError) as error:
            self._state, self._why = "backing off", error.message
            raise
        self._state, self._why = "ready", ""
        return found

    async def _described(self, passage: Passage, caller: Caller) -> Description:
        if (
            await self._speaks_modern(passage, caller)
            and (found := await self._modern.discover(passage)) is not None
        ):
            return found
        try:
            return (await self._older.session(passage, caller)).description
        except HttpError:
            if self._older.refused and (found := await self._modern.discover(passage)) is not None:
                return found
            raise

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request in the era that fits."""
        try:
            reply = await self._request(passage, caller, outgoing, relay)
        except SignInWanted:
            raise
        except (UpstreamError, EgressError) as error:
            self._state, self._why = "backing off", error.message
            raise
        self._state, self._why = "ready", ""
        return reply

    async def _request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        if await self._speaks_modern(passage, caller):
            return await self._modern.request(passage, caller, outgoing, relay)
        try:
            return await self._older.request(passage, caller, outgoing, relay)
        except HttpError:
            if self._older.refused and await self._speaks_modern(passage, caller):
                return await self._modern.request(passage, caller, outgoing, relay)
            raise

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """Follow the server's own stream in the caller's session; a server may have none."""
        if caller.line is not None:
            await self._older.listen(passage, caller, caller.line)

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """End the caller's session there."""
        await self._older.forget(passage, caller)

    async def _speaks_modern(self, passage: Passage, caller: Caller) -> bool:
        """A caller of the older era is served in it where the server still can: only there it keeps its session."""
        if caller.era == "old" and not self._older.refused:
            return False
        now = self._clock.monotonic()
        if not self._modern.spoken and (self._asked is None or now - self._asked > _ASK_AGAIN_SECONDS):
            await self._modern.discover(passage)
            self._asked = now
        return self._modern.spoken
