"""One supervised program as an upstream: what its callers see of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.core.passage import Passage
from app.egress.sandbox import Program
from app.mcp.protocol import MODERN
from app.mcp.protocol.envelope import CAPABILITIES, CLIENT_INFO, VERSION
from app.mcp.supervisor.driven import Driven
from app.mcp.supervisor.host.usage import Usage
from app.mcp.supervisor.rules import Rules, Surroundings
from app.mcp.upstream.asking import ASKING
from app.mcp.upstream.guest import Guest, settled_here
from app.mcp.upstream.pipe import Pipe
from app.mcp.upstream.ports import Caller, Description, Outgoing, Relay, Reply, Status
from app.mcp.upstream.silent import Silent
from app.mcp.web import Web

PROMISE_SECONDS = 15.0
"""How long a process waits for the request that it was chosen for."""


class Supervised(Driven):
    """One process, shared by all callers: what it is told about them rides in each request, or it is not told.

    With a `guest` it is that caller's alone. One that serves HTTP has a session for each caller, as a remote server has.
    """

    def __init__(
        self,
        name: str,
        program: Callable[[], Program],
        *,
        rules: Rules,
        log: Path,
        around: Surroundings,
        key: str = "",
        guest: Guest | None = None,
    ) -> None:
        super().__init__(name, program, rules=rules, log=log, around=around, key=key, guest=guest)
        self.sessions = guest is not None or bool(rules.path)
        self._told_settings: Pipe | None = None
        self._asking = 0
        self._promised = 0.0
        self._telling = asyncio.Lock()

    def promised(self) -> "Supervised":
        """Itself, kept for the one request that is about to come."""
        self._promised = self._around.clock.monotonic() + PROMISE_SECONDS
        return self

    @property
    def taken(self) -> bool:
        """Whether it is kept for a request that may ask its caller, or works on one."""
        return self._asking > 0 or self._around.clock.monotonic() < self._promised

    def of(self, caller: Caller, method: str) -> "Supervised":
        """Itself."""
        return self

    def place(self, caller: Caller) -> str:
        """All callers of one process see the same."""
        return self.key if self.key != self.name else ""

    @property
    def changes(self) -> int:
        """Starts so far, and announcements of the program that runs."""
        life = self._life
        announced = life.pipe.announced if life is not None and life.pipe is not None else 0
        return (self.stand.starts << 32) + announced

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """What the program said at its start."""
        pipe = await self._connected()
        return await pipe.describe(passage, caller) if isinstance(pipe, Web) else pipe.description

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request; in the modern era the caller's capabilities ride along, as the envelope asks."""
        if outgoing.method not in ASKING:
            return await self._request(passage, caller, outgoing, relay)
        self._promised = 0.0
        self._asking += 1
        try:
            return await self._request(passage, caller, outgoing, relay)
        finally:
            self._asking -= 1

    async def _request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        pipe = await self._connected()
        if isinstance(pipe, Web):
            return await pipe.request(passage, caller, outgoing, relay)
        if self.guest is not None and pipe.era == "old":
            return await self._of_guest(self.guest, pipe, caller, (outgoing, relay))
        if pipe.era == "old":
            return await pipe.request(outgoing, relay)
        if (settled := settled_here(outgoing)) is not None:
            return settled
        meta = {
            **outgoing.meta,
            VERSION: MODERN,
            CLIENT_INFO: caller.info or self._around.us,
            CAPABILITIES: caller.capabilities,
            "traceparent": passage.trace.traceparent,
        }
        return await pipe.request(msgspec.structs.replace(outgoing, meta=meta), relay)

    async def _of_guest(
        self, guest: Guest, pipe: Pipe, caller: Caller, what: tuple[Outgoing, Relay]
    ) -> Reply:
        """A request of the one caller; a process that was started again is told first what it set before."""
        guest.caller = caller
        async with self._telling:
            if pipe is not self._told_settings:
                for setting in guest.settings:
                    await pipe.request(setting, Silent())
                self._told_settings = pipe
        outgoing, relay = what
        reply = await pipe.request(outgoing, relay)
        if reply.error is None:
            guest.remember(outgoing)
        return msgspec.structs.replace(reply, session=guest.berth) if guest.berth else reply

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """Let it know when the lists of a shared program change; a guest's line hears everything anyway."""
        if caller.line is None or self.guest is not None:
            return
        self._lines.add(caller.line)
        try:
            await asyncio.Event().wait()
        finally:
            self._lines.discard(caller.line)

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """Of programs with sessions, which are those that serve HTTP."""
        if isinstance(pipe := self._open(), Web):
            await pipe.forget(passage, caller)

    def state(self) -> Status:
        """Where the program stands, what it has, and how far it is confined."""
        life = self._life
        usage = life.usage if life is not None else Usage()
        now = self._around.clock.monotonic()
        return Status(
            state=self.stand.state,
            why=self.stand.why,
            seconds=now - self.stand.since,
            starts=self.stand.starts,
            pid=life.pid if life is not None else 0,
            memory_bytes=usage.memory_bytes,
            cpu_seconds=usage.cpu_seconds,
            processes=usage.processes,
            level=(life.level if life is not None else self._level),
        )
