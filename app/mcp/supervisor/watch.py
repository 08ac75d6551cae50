"""What is looked at while a program runs: whether it answers, what it takes, whether anybody needs it."""

import asyncio
from typing import TYPE_CHECKING

from app.mcp.supervisor.host.usage import usage_of
from app.mcp.supervisor.rules import Rules, Surroundings
from app.mcp.upstream.pipe import Pipe
from app.mcp.web import Web

if TYPE_CHECKING:
    from app.mcp.supervisor.life import Life

_WINDOW = 60.0
_MIB = 1024 * 1024


class Watch:
    """Returns why the program must end."""

    def __init__(self, life: "Life", pipe: Pipe | Web, *, rules: Rules, around: Surroundings) -> None:
        self._life = life
        self._pipe = pipe
        self._rules = rules
        self._around = around
        self._window = (around.clock.monotonic(), 0.0)
        self._missed = 0

    async def run(self) -> str:
        """Look again and again."""
        while True:
            await asyncio.sleep(self._rules.look)
            why = self._too_much() or self._idle() or await self._silent()
            if why:
                return why

    def _too_much(self) -> str:
        usage = self._life.usage = usage_of(self._life.pid)
        limit = self._rules.memory_mb
        if limit and usage.memory_bytes > limit * _MIB:
            return f"it took {usage.memory_bytes // _MIB} MiB of memory, and limits.memory_mb is {limit}"
        return self._around.capacity.weigh(self._life.key, usage.memory_bytes) or self._busy(
            usage.cpu_seconds
        )

    def _busy(self, cpu_seconds: float) -> str:
        now = self._around.clock.monotonic()
        began, then = self._window
        if now - began < _WINDOW:
            return ""
        self._window = (now, cpu_seconds)
        percent = 100 * (cpu_seconds - then) / (now - began)
        limit = self._rules.cpu_percent
        if limit and percent > limit:
            return f"it took {percent:.0f} percent of a core for a minute, and limits.cpu_percent is {limit}"
        return ""

    def _idle(self) -> str:
        rules = self._rules
        if rules.eager or not rules.idle_stop or self._pipe.busy or self._life.pipe is None:
            return ""
        if self._around.clock.monotonic() - self._pipe.used < rules.idle_stop:
            return ""
        self._life.wind_up("idle")
        return ""

    async def _silent(self) -> str:
        """A program that works on a call may be silent for as long as the call may take."""
        rules = self._rules
        now = self._around.clock.monotonic()
        if (
            not rules.health
            or self._life.pipe is None
            or self._pipe.busy
            or now - self._pipe.heard < rules.health
        ):
            return ""
        try:
            async with asyncio.timeout(rules.patience):
                if await self._pipe.alive():
                    self._missed = 0
                    return ""
        except TimeoutError:
            self._missed += 1
        return "it does not answer any more" if self._missed > 1 else ""
