"""One life of a program: spawned, greeted, watched, ended; what ends it first is the reason."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Any

from app.egress.sandbox import Child, Level, Program, spawn
from app.mcp.supervisor.host.listening import foreign
from app.mcp.supervisor.host.usage import Usage
from app.mcp.supervisor.logfile import LogFile
from app.mcp.supervisor.rules import Rules, Surroundings
from app.mcp.supervisor.watch import Watch
from app.mcp.upstream.guest import Guest
from app.mcp.upstream.pipe import Pipe
from app.mcp.upstream.ports import Line
from app.mcp.web import Web

LAST_CALLS = 5.0
"""Seconds that running calls get before a program is restarted for its secrets."""
_LAST_LINE_SECONDS = 0.25
_BUSY_SECONDS = 0.05


class Life:
    """`pipe` is there from the greeting to the end."""

    def __init__(
        self, key: str, program: Program, *, rules: Rules, around: Surroundings, log: LogFile
    ) -> None:
        self.pid = 0
        self.level = Level()
        self.usage = Usage()
        self.pipe: Pipe | Web | None = None
        self.asked = False
        """Whether it was asked `server/discover`."""
        self.greeted = False
        self.key = key
        """The name of the server, and of which of its processes."""
        self.guest: Guest | None = None
        self.lines: Collection[Line] = ()
        self.wind_up: Callable[[str], None] = lambda _: None
        """Called with the reason when it is to end without a fault of its own."""
        self.renewing = asyncio.Event()
        """Set when its secrets changed: it gets no calls any more, and ends when those that run have ended."""
        self._program = program
        self._rules = rules
        self._around = around
        self._log = log
        self._stop: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def stop(self, why: str) -> None:
        """Let it end, for this reason."""
        if not self._stop.done():
            self._stop.set_result(why)

    async def run(self, ready: Callable[[dict[str, Any]], None], *, probe: bool) -> str:
        """From the spawn to the end of everything it started; returns why it ended, UpstreamError if it never was."""
        groups = self._around.groups
        cgroup = groups.make(self.key, self._program.confinement.limits) if groups else ""
        began = self._around.clock.monotonic()
        child, pipe = None, None
        try:
            outside = self._around.outside
            child = await spawn(self._program, cgroup=cgroup, outside=outside.fork if outside else None)
            self.pid, self.level = child.pid, child.level
            self._log.note(f"started: process {child.pid}, confinement {child.level.text}")
            pipe = self._conversation(child)

            async def greet() -> str:
                self.asked = probe
                why = await self._greet(pipe, probe=probe)
                if not why:
                    seconds = round(self._around.clock.monotonic() - began, 3)
                    port = {"port": self._program.port} if self._program.port else {}
                    ready({"seconds": seconds, **port, **_facts(child)})
                    await asyncio.Event().wait()
                return why

            return await self._first_of(child, pipe, greet)
        finally:
            self.pipe = None
            if isinstance(pipe, Web):
                await pipe.aclose()
            if child is not None:
                await _ended(child)
            if groups is not None:
                groups.remove(self.key)

    def _conversation(self, child: Child) -> Pipe | Web:
        around, port = self._around, self._program.port
        if not port:
            return Pipe(
                self.key.partition("@")[0],
                child,
                us=around.us,
                clock=around.clock,
                guest=self.guest,
                lines=self.lines,
            )
        for one in child.sockets:
            around.lend(one)
        return Web(
            self.key.partition("@")[0],
            child,
            port=port,
            path=self._rules.path,
            timeout=self._rules.timeout,
            us=around.us,
            clock=around.clock,
            keep=self._log.follow,
            outside=around.outside,
            own=lambda: not foreign(child.pid, port),
        )

    async def _first_of(self, child: Child, pipe: Pipe | Web, greet: Any) -> str:
        """Why the conversation ended: whichever of these notices first."""
        watch = Watch(self, pipe, rules=self._rules, around=self._around)
        errors = asyncio.create_task(self._log.follow(child.stderr))  # its life is this block
        conversation = (pipe.read(), greet(), watch.run(), self._gone(child), self._renewed(pipe))
        tasks = [asyncio.create_task(one) for one in conversation]
        try:
            await asyncio.wait([*tasks, self._stop], return_when=asyncio.FIRST_COMPLETED)
            self.pipe = None
            done = next((one for one in [*tasks, self._stop] if one.done()), None)
            why = done.result() if done is not None else ""
            if done is self._stop:
                return why
            await child.exited(within=_LAST_LINE_SECONDS)
            await asyncio.wait({errors}, timeout=_LAST_LINE_SECONDS)
            groups = self._around.groups
            return self._in_words((groups.killed(self.key) if groups else "") or why, child)
        finally:
            for task in (*tasks, errors):
                task.cancel()
            await asyncio.wait([*tasks, errors])

    async def _renewed(self, pipe: Pipe | Web) -> str:
        """Let it end for the secrets that changed, once its calls have ended or had their time."""
        await self.renewing.wait()
        left = LAST_CALLS
        while self.greeted and pipe.busy and left > 0:
            await asyncio.sleep(_BUSY_SECONDS)
            left -= _BUSY_SECONDS
        self.wind_up("its secrets changed")
        return await self._stop

    def _in_words(self, why: str, child: Child) -> str:
        code = "" if child.returncode is None else f" (exit {child.returncode})"
        last = self._log.last[-1][:200] if self._log.last else ""
        return f"{why}{code}; last words: {last!r}" if last else f"{why}{code}"

    async def _gone(self, child: Child) -> str:
        """Its process ended, though somebody may still hold its output."""
        while not await child.exited(within=60.0):
            pass
        await asyncio.sleep(_LAST_LINE_SECONDS)  # what it said last is read first
        return "its process ended"

    async def _greet(self, pipe: Pipe | Web, *, probe: bool) -> str:
        """Why it could not be greeted, or empty."""
        try:
            async with asyncio.timeout(self._rules.greeting):
                await pipe.greet(probe=probe)
        except TimeoutError:
            port = self._program.port
            return f"it did not answer on port {port}" if port else "it did not answer initialize"
        self.greeted = True
        self.pipe = pipe
        return ""


def _facts(child: Child) -> dict[str, Any]:
    """For the record: what was reached of the confinement, and what was not."""
    return {"pid": child.pid, "confinement": sorted(child.level.on), "without": child.level.off}


async def _ended(child: Child) -> None:
    """Also when we are cancelled meanwhile: nothing may be left behind."""
    ending = asyncio.ensure_future(child.end())
    cancelled = False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            cancelled = True
    with contextlib.suppress(OSError):
        ending.result()
    if cancelled:
        raise asyncio.CancelledError
