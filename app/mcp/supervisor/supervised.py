"""One program as an upstream, driven to what the profile wants: the loop that starts it, and the callers' side."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from random import random
from typing import Any

import msgspec

from app.core.clock import Clock
from app.core.errors import SallyportError, UpstreamError
from app.core.passage import Passage
from app.egress.outside import Outside
from app.egress.sandbox import Level, Program
from app.mcp.protocol import MODERN
from app.mcp.protocol.envelope import CAPABILITIES, CLIENT_INFO, VERSION
from app.mcp.supervisor.bus import Bus, Lifecycle
from app.mcp.supervisor.capacity import Capacity
from app.mcp.supervisor.groups import Groups
from app.mcp.supervisor.life import Life
from app.mcp.supervisor.logfile import LogFile
from app.mcp.supervisor.rules import Rules
from app.mcp.supervisor.stand import Happened, Stand, What, step
from app.mcp.supervisor.usage import Usage
from app.mcp.upstream.guest import Guest, settled_here
from app.mcp.upstream.pipe import Pipe
from app.mcp.upstream.ports import Caller, Description, Line, Outgoing, Relay, Reply, Status
from app.mcp.upstream.silent import Silent
from app.mcp.web import Ports, Web, placed
from app.secrets import Broker, Redactor

START_WAIT = 10.0
"""Seconds a call waits for a program that is starting."""
RESTART_WAIT = 2.0
"""Seconds a call waits for a program that died and is to be started again."""
_log = logging.getLogger(__name__)


def _nothing(_: socket.socket) -> None:
    pass


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What all programs of a site share."""

    clock: Clock
    us: dict[str, Any]
    capacity: Capacity = msgspec.field(default_factory=Capacity)
    bus: Bus = msgspec.field(default_factory=Bus)
    ports: Ports = msgspec.field(default_factory=Ports)
    lend: Callable[[socket.socket], None] = _nothing
    """Told of each socket into a program's own network: connecting it leaves nothing."""
    groups: Groups | None = None
    outside: Outside | None = None
    trust: str = ""
    """File of the authorities that programs with the network trust; empty: the host's own."""
    jitter: Callable[[], float] = random
    broker: Broker | None = None
    redactor: Redactor = msgspec.field(default_factory=Redactor)


class Supervised:
    """One process, shared by all callers: what it is told about them rides in each request, or it is not told.

    With a `guest` it is that caller's alone, and `key` tells it from other processes of the same entry. One that
    serves HTTP has a session for each caller, as a remote server has.

    `program` is asked at each start, so that what it needs, such as a user or a secret, may come and go meanwhile.
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
        self.name = name
        self.key = key or name
        self.sessions = guest is not None or bool(rules.path)
        self.guest = guest
        self.stand = Stand(since=around.clock.monotonic())
        self._program = program
        self._rules = rules
        self._around = around
        self._log = LogFile(log, clock=around.clock, redactor=around.redactor)
        self._wanted = rules.eager
        self._changed = asyncio.Event()
        self._news = asyncio.Event()
        self._life: Life | None = None
        self._level = Level()
        self._probe = True
        self._lines: set[Line] = set()
        self._told_settings: Pipe | None = None
        self._telling = asyncio.Lock()

    def of(self, caller: Caller, method: str) -> "Supervised":
        """Itself."""
        return self

    def place(self, caller: Caller) -> str:
        """All callers of one process see the same."""
        return self.key if self.key != self.name else ""

    @property
    def idle(self) -> bool:
        """Whether it neither runs nor is wanted."""
        return self.stand.state == "stopped" and not self._wanted

    @property
    def busy(self) -> bool:
        """Whether it works on a call, or is only starting."""
        pipe = self._open()
        return pipe is None or pipe.busy

    @property
    def changes(self) -> int:
        """Starts so far, and announcements of the program that runs."""
        life = self._life
        announced = life.pipe.announced if life is not None and life.pipe is not None else 0
        return (self.stand.starts << 32) + announced

    async def run(self) -> None:
        """Drive it until cancelled; then the program has ended with everything it started."""
        try:
            while True:
                try:
                    await self._turn()
                except Exception:  # noqa: BLE001 - no tool server may stop Sallyport
                    _log.exception("mcp %s: the supervisor failed", self.name)
                    self._happened("end", why="the supervisor failed; the log says how")
                    await asyncio.sleep(self._rules.backoff.first)
        finally:
            self._log.close()

    async def _turn(self) -> None:
        """One step towards what is wanted: start, wait, or nothing to do."""
        self._changed.clear()
        now = self._around.clock.monotonic()
        if self.stand.state == "backing off":
            if now < self.stand.until:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.stand.until - now):
                        await self._changed.wait()
                return
            self._happened("due")
        if self.stand.state == "held" or not self._wanted:
            await self._changed.wait()
        elif self.stand.state == "stopped":
            await self._live()

    async def _live(self) -> None:
        self._happened("start")
        if refused := self._around.capacity.take(self.key):
            self._ended(refused)
            return
        try:
            program = self._program()
            if self._rules.path:
                program = placed(program, self._around.ports.take(self.key))
        except SallyportError as error:
            self._around.capacity.give_back(self.key)
            self._ended(str(error))
            return
        life = Life(self.key, program, rules=self._rules, around=self._around, log=self._log)
        life.guest, life.lines = self.guest, self._lines
        life.wind_up = self.stop
        self._life = life
        try:
            why = await life.run(self._ready, probe=self._probe)
        except UpstreamError as error:
            why = error.message
        finally:
            self._around.capacity.give_back(self.key)
            self._around.ports.give_back(self.key)
            self._life = None
            self._level = life.level
            if not life.greeted and life.asked:
                self._probe = False  # a program that died of the question is not asked it again
        self._ended(why)

    def _ready(self, facts: dict[str, Any]) -> None:
        self._happened("ready")
        self._level = self._life.level if self._life else self._level
        self._publish("ready", facts=facts)
        self._changed.set()

    def _ended(self, why: str) -> None:
        stopped = self.stand.state == "stopping"
        if stopped and self.stand.why == "idle":
            self._wanted = False
        self._happened("end", why=why)
        self._log.note(f"ended: {self.stand.why or why}")
        if stopped:
            self._publish("stop", why=self.stand.why)
            return
        self._publish("end", why=why, facts={"failures": self.stand.failures})
        if self.stand.state == "held":
            _log.error("mcp %s: %s", self.name, self.stand.why)
            self._publish("hold", why=self.stand.why)
            return
        wait = self.stand.until - self.stand.since
        _log.warning("mcp %s: %s; next start in %.1f s", self.name, why, wait)

    def _happened(self, what: What, why: str = "") -> None:
        now = self._around.clock.monotonic()
        event = Happened(what=what, now=now, why=why, jitter=self._around.jitter())
        self.stand = step(self.stand, event, self._rules.backoff)
        self._told()

    def _told(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _publish(self, what: Any, *, why: str = "", facts: dict[str, Any] | None = None) -> None:
        facts = facts or {}
        if self.key != self.name:
            facts["process"] = self.key
        self._around.bus.publish(Lifecycle(server=self.name, what=what, why=why, facts=facts))

    async def restart(self) -> None:
        """End it if it runs, release it if it is held, and start it at once."""
        if self.stand.state == "held":
            self._publish("release")
        self._happened("release")
        self._wanted = True
        self.stop("asked to restart")
        self._changed.set()

    def renew(self) -> None:
        """Its secrets changed: one that runs is ended after its calls, one that could not start is started."""
        if self._life is not None:
            self._life.renewing.set()
            self._told()
            return
        if self.stand.state == "held":
            self._publish("release")
        self._happened("release")
        self._changed.set()

    def stop(self, why: str) -> None:
        """End it; whether it is started again is decided by what is wanted."""
        if self._life is not None:
            self._happened("stop", why=why)
            self._life.stop(why)

    async def _connected(self) -> Pipe | Web:
        if (pipe := self._open()) is not None:
            return pipe
        if not self._wanted:
            self._wanted = True
            self._changed.set()
        wait = RESTART_WAIT if self.stand.state == "backing off" else START_WAIT
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while self.stand.state not in ("ready", "held") or self._renewing:
                    await self._news.wait()
        if (pipe := self._open()) is None:
            why = self.stand.why or f"it is {self.stand.state}"
            raise UpstreamError(f"The tool server {self.name} is not running: {why}.", kind="connect")
        return pipe

    @property
    def _renewing(self) -> bool:
        return self._life is not None and self._life.renewing.is_set()

    def _open(self) -> Pipe | Web | None:
        """The conversation, if calls may go into it now."""
        if self._life is None or self.stand.state != "ready" or self._renewing:
            return None
        return self._life.pipe

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """What the program said at its start."""
        pipe = await self._connected()
        return await pipe.describe(passage, caller) if isinstance(pipe, Web) else pipe.description

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request; in the modern era the caller's capabilities ride along, as the envelope asks."""
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
        return reply

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
