"""One program driven to what is wanted: the loop that starts it, waits, and starts it again."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.core.errors import SallyportError, UpstreamError
from app.egress.sandbox import Level, Program
from app.mcp.protocol import Era
from app.mcp.supervisor.bus import Lifecycle
from app.mcp.supervisor.life import Life
from app.mcp.supervisor.logfile import LogFile
from app.mcp.supervisor.rules import Rules, Surroundings
from app.mcp.supervisor.stand import Happened, Stand, What, step
from app.mcp.upstream.guest import Guest
from app.mcp.upstream.pipe import Pipe
from app.mcp.upstream.ports import Line
from app.mcp.web import Web, placed

START_WAIT = 10.0
"""Seconds a call waits for a program that is starting."""
RESTART_WAIT = 2.0
"""Seconds a call waits for a program that died and is to be started again."""
_log = logging.getLogger(__name__)


class Driven:
    """`program` is asked at each start, so that what it needs, such as a user or a secret, may come and go meanwhile.

    `key` tells it from other processes of the same entry.
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
        self.guest = guest
        self.stand = Stand(since=around.clock.monotonic())
        self.era: Era | None = None
        """The era of the conversation that was opened last."""
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

    @property
    def idle(self) -> bool:
        """Whether it neither runs nor is wanted."""
        return self.stand.state == "stopped" and not self._wanted

    @property
    def busy(self) -> bool:
        """Whether it works on a call, or is only starting."""
        pipe = self._open()
        return pipe is None or pipe.busy

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
        self.era = self._life.pipe.era if self._life is not None and self._life.pipe is not None else None
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
