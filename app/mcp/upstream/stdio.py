"""A tool server that is a program: started beside us, restarted with back-off, never in the way of a start."""

import asyncio
import contextlib
import logging
from asyncio.subprocess import Process
from typing import Any

from app.core.clock import Clock
from app.core.errors import UpstreamError
from app.core.passage import Passage
from app.mcp.protocol import MODERN
from app.mcp.protocol.envelope import CAPABILITIES, CLIENT_INFO, VERSION
from app.mcp.upstream.child import Program, end, exited, spawn
from app.mcp.upstream.pipe import Pipe
from app.mcp.upstream.ports import Caller, Description, Outgoing, Relay, Reply, State
from app.mcp.upstream.secrecy import Secrecy, nothing_secret

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds before a restart: doubled each time, from the first again after a minute of running."""
START_WAIT = 10.0
"""Seconds a call waits for a program that is starting."""
GREETING_SECONDS = 60.0
"""Seconds a program has to introduce itself before it is started again."""
RESTART_WAIT = 2.0
"""Seconds a call waits for a program that died and is to be started again."""
LAST_CALLS = 5.0
"""Seconds that running calls get before a program is restarted for its secrets."""
_BUSY_SECONDS = 0.05
_WATCH_SECONDS = 0.25
_log = logging.getLogger(__name__)


class StdioServer:
    """One program shared by all callers: what it is told about them rides in each request, or it is not told."""

    def __init__(
        self,
        name: str,
        program: Program,
        *,
        clock: Clock,
        us: dict[str, Any],
        secrecy: Secrecy | None = None,
    ) -> None:
        self.name = name
        self._secrecy = secrecy or nothing_secret(name)
        self._renew = asyncio.Event()
        self.sessions = False
        self._program = program
        self._clock = clock
        self._us = us
        self._pipe: Pipe | None = None
        self._ready = asyncio.Event()
        self._state: State = "stopped"
        self._why = ""
        self._probe = True
        self._starts = 0

    @property
    def changes(self) -> int:
        """Starts so far, and announcements of the program that runs."""
        return self._starts + (self._pipe.announced if self._pipe is not None else 0)

    async def run(self) -> None:
        """Keep the program running until cancelled, then end it with everything it started."""
        delay = FIRST_DELAY
        while True:
            began = self._clock.monotonic()
            self._state = "starting"
            try:
                self._why = await self._live()
            except UpstreamError as error:
                self._why = str(error)
            except Exception:  # noqa: BLE001 - no tool server may stop Sallyport
                _log.exception("mcp %s: the supervisor failed", self.name)
                self._why = "the supervisor failed; the log says how"
            if self._clock.monotonic() - began > 60:
                delay = FIRST_DELAY
            self._state = "waiting"
            if self._renew.is_set():
                delay = 0.0
            _log.warning("mcp %s: %s; next start in %.1f s", self.name, self._why, delay)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._renew.wait()
            delay = min(delay * 2, LONGEST_DELAY) or FIRST_DELAY

    async def _live(self) -> str:
        self._renew.clear()
        process = await spawn(self._program, self._secrecy.injection())
        pipe = Pipe(self.name, process, us=self._us, secrecy=self._secrecy)
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(pipe.read())
                tasks = [reading, group.create_task(pipe.log_errors()), group.create_task(self._greet(pipe))]
                ended = group.create_task(_until_gone(process, reading))
                renewal = group.create_task(self._renewed(pipe))
                await asyncio.wait({ended, renewal}, return_when=asyncio.FIRST_COMPLETED)
                why = ended.result() if ended.done() else "its secrets changed"
                tasks += [ended, renewal]
                for task in tasks:
                    task.cancel()
            return f"{why}; last words: {pipe.errors[-1][:200]!r}" if pipe.errors else why
        finally:
            self._ready.clear()
            self._pipe = None
            await end(process)

    async def _renewed(self, pipe: Pipe) -> None:
        """Its secrets changed, and what ran with the old ones has ended or had its time."""
        await self._renew.wait()
        left = LAST_CALLS
        while pipe.busy and left > 0:
            await asyncio.sleep(_BUSY_SECONDS)
            left -= _BUSY_SECONDS

    def renew(self) -> None:
        """End it when its calls have ended, and start it with the secrets of now."""
        self._renew.set()

    async def _greet(self, pipe: Pipe) -> None:
        probe, self._probe = self._probe, False
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await pipe.greet(probe=probe)
        except (UpstreamError, TimeoutError) as error:
            _log.warning("mcp %s: %s", self.name, error or "it did not answer initialize")
            with contextlib.suppress(ProcessLookupError):
                pipe.process.terminate()
            return
        self._probe = probe  # a program that died of the question is not asked it again
        self._pipe = pipe
        self._starts += 1_000_000  # beyond what a program may announce in its life
        self._state, self._why = "running", ""
        self._ready.set()

    async def _connected(self) -> Pipe:
        if self._pipe is not None:
            return self._pipe
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESTART_WAIT if self._state == "waiting" else START_WAIT):
                await self._ready.wait()
        if self._pipe is None:
            raise UpstreamError(
                f"The tool server {self.name} is not running: {self._why or 'it is starting'}.",
                kind="connect",
            )
        return self._pipe

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """What the program said at its start."""
        return (await self._connected()).description

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request; in the modern era the caller's capabilities ride along, as the envelope asks."""
        pipe = await self._connected()
        if pipe.era == "old":
            return await pipe.request(outgoing, relay)
        meta = {
            **outgoing.meta,
            VERSION: MODERN,
            CLIENT_INFO: caller.info or self._us,
            CAPABILITIES: caller.capabilities,
            "traceparent": passage.trace.traceparent,
        }
        return await pipe.request(
            Outgoing(method=outgoing.method, params=outgoing.params, meta=meta, progress=outgoing.progress),
            relay,
        )

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """Nothing is kept per caller."""

    def state(self) -> tuple[State, str]:
        """Where the program stands."""
        return self._state, self._why


async def _until_gone(process: Process, reading: asyncio.Task[str]) -> str:
    """Why the conversation ended: the output closed, or the process ended while somebody else holds its output."""
    while not reading.done():
        if process.returncode is not None:
            await asyncio.wait({reading}, timeout=_WATCH_SECONDS)
            break
        await asyncio.wait({reading}, timeout=_WATCH_SECONDS)
    why = reading.result() if reading.done() else "its process ended"
    await exited(process, within=_WATCH_SECONDS)
    code = process.returncode
    return why if code is None else f"{why} (exit {code})"
