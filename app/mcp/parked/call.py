"""One call whose server may ask in its middle: the request stays open there while its client goes and comes back."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw

from app.core.errors import SallyportError, UpstreamError
from app.core.passage import Passage, Status
from app.mcp import protocol
from app.mcp.inputs import MOST_QUESTIONS
from app.mcp.parked.wire import Asked, may_ask, response
from app.mcp.upstream.ports import Caller, Relay, Reply, Respond, Upstream

Send = Callable[[Relay], Awaitable[Reply]]
_log = logging.getLogger(__name__)


class _Note(msgspec.Struct):
    method: str = ""
    params: Raw = msgspec.field(default_factory=lambda: Raw(b"{}"))


class Parked:
    """The relay of its request, and what came of it so far. `bound` is what may take it up, `first` its first row."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - what it is
        caller: Caller,
        upstream: Upstream,
        bound: bytes,
        first: UUID,
        until: float,
    ) -> None:
        self.id = id
        self.caller = caller
        self.upstream = upstream
        """The process or server in which it runs."""
        self.bound = bound
        self.first = first
        self.until = until
        """When it is over at the latest (loop time)."""
        self.seen = first
        """The row of the request that followed it last."""
        self.session: Any = None
        self.round = 0
        """How often its client was sent away to answer."""
        self.asked: dict[str, Asked] = {}
        self.told: set[str] = set()
        """Questions that the client was ever told of."""
        self.status: Status = "cancelled"
        self.expired = False
        """Whether it ended because its client did not come back in time."""
        self.task: asyncio.Task[None] | None = None
        self._relay: Relay | None = None
        self._token: Raw | None = None
        self._reply: Reply | None = None
        self._error: SallyportError | None = None
        self._ended = False
        self._news = asyncio.Event()
        self._back = asyncio.Event()
        self._scope: asyncio.Timeout | None = None

    async def run(self, send: Send) -> None:
        """Send the request and keep what it comes to; never raises but when it is cancelled."""
        try:
            async with asyncio.timeout(None) as self._scope:
                self._reply = await send(self)
            self.status = "ok" if self._reply.error is None else "error"
        except SallyportError as error:
            self._error = error
        except TimeoutError:
            self.expired = True
            self._error = UpstreamError("The client did not answer in time.", kind="timeout", status=504)
        except Exception as error:  # noqa: BLE001 - it ends this call and no other
            _log.exception("a call that may wait for its client failed")
            self._error = UpstreamError(f"The call failed here ({type(error).__name__}).", kind="protocol")
        finally:
            if self._error is not None and not self.expired:
                self.status = "error"
            self._scope, self._ended = None, True
            self._news.set()

    def outcome(self) -> Reply:
        """What the ended request came to."""
        if self._error is not None:
            raise self._error
        return self._reply or Reply()

    async def news(self) -> bool:
        """Wait until it is over (True), or until there is something to ask."""
        while not self._ended and not self.asked:
            self._news.clear()
            await self._news.wait()
        return self._ended

    def rest(self, seconds: float) -> None:
        """Its client is sent away to answer, and may stay so for this long."""
        self.round += 1
        self.told |= self.asked.keys()
        self._relay = None
        self._back.clear()
        if self._scope is not None:
            now = asyncio.get_running_loop().time()
            self._scope.reschedule(min(now + seconds, self.until))

    def wake(self, passage: Passage, relay: Relay, token: Raw | None) -> None:
        """Its client is there; `token` is what it wants progress under."""
        self.seen = passage.id
        self._relay, self._token = relay, token
        self._back.set()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(None)

    async def fetched(self, *, within: float) -> None:
        """Wait until its client is there, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if self.expired else within):
                await self._back.wait()

    async def answer(self, given: Mapping[str, Raw]) -> None:
        """Give the server the answers of its client to what it asked."""
        for key in list(self.asked.keys() & given.keys()):
            asked = self.asked.pop(key)
            if not self._ended:
                await asked.respond(response(given[key]))

    async def cancel(self) -> None:
        """End the request at the server, and wait until it has ended."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait({self.task})

    async def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Keep a question of the server until its client has answered; False when that cannot be asked."""
        if len(self.asked) >= MOST_QUESTIONS or not may_ask(self.caller, method, params):
            return False
        key = f"question-{len(self.told | self.asked.keys()) + 1}"
        self.asked[key] = Asked(method=method, params=params, respond=respond)
        self._news.set()
        return True

    async def notify(self, message: bytes) -> None:
        """Pass progress and log messages on while the client is there."""
        if (relay := self._relay) is None:
            return
        note = msgspec.json.decode(message, type=_Note)
        if note.method == "notifications/progress" and self._token is not None:
            await relay.notify(protocol.progress(note.params, self._token))
        elif note.method == "notifications/message":
            await relay.notify(message)
