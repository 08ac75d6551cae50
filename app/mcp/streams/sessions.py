"""Sessions of callers of the older era: bound to one principal and one endpoint, kept in memory, bounded."""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from app.core.clock import Clock
from app.mcp.streams.replay import Replay
from app.mcp.upstream.ports import Respond

IDLE_SECONDS = 3600.0
MOST = 10_000
MOST_OF_ONE = 200
MOST_ASKS = 32
MOST_ANSWERS = 32


class Session:
    """What `initialize` agreed, and what is under way since."""

    __slots__ = (
        "answers",
        "asks",
        "capabilities",
        "id",
        "info",
        "level",
        "numbers",
        "principal",
        "running",
        "server",
        "standing",
        "used",
        "version",
    )

    def __init__(self, *, id: str, principal: str, server: str, version: str, now: float) -> None:  # noqa: A002
        self.id = id
        self.principal = principal
        self.server = server
        self.version = version
        self.info: dict[str, Any] = {}
        self.capabilities: dict[str, Any] = {}
        self.used = now
        self.running: dict[bytes, asyncio.Timeout] = {}
        """Requests under way by their JSON-RPC id: what `notifications/cancelled` cuts short."""
        self.asks: dict[bytes, Respond] = {}
        """Requests of servers that this caller has been asked and not answered."""
        self.numbers = itertools.count(1)
        self.level = ""
        """The log level it asked for."""
        self.standing = Replay("s")
        """What it hears between its requests."""
        self.answers: OrderedDict[str, Replay] = OrderedDict()
        """Streams of answers, for a client whose connection broke."""

    def question(self, method: str, params: Raw | None, respond: Respond) -> bytes | None:
        """A request for the client under a number of ours, whose response finds `respond`; None: it has too many."""
        if len(self.asks) >= MOST_ASKS:
            return None
        number = b'"ask-%d"' % next(self.numbers)
        self.asks[number] = respond
        body = b'{"jsonrpc":"2.0","id":' + number + b',"method":' + msgspec.json.encode(method)
        return body + (b',"params":' + bytes(params) + b"}" if params is not None else b"}")

    def answer_stream(self) -> Replay:
        """A stream for one answer; the oldest that are over are forgotten."""
        replay = Replay(f"a{next(self.numbers)}")
        self.answers[replay.name] = replay
        while len(self.answers) > MOST_ANSWERS:
            self.answers.popitem(last=False)
        return replay

    def stream(self, name: str) -> Replay | None:
        """A stream by the name in its event ids."""
        return self.standing if name == self.standing.name else self.answers.get(name)


class Sessions:
    """All open ones; the longest unused gives way when there are too many."""

    def __init__(self, *, clock: Clock, new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._counts: dict[str, int] = {}

    def open(self, *, principal: str, server: str, version: str) -> Session:
        """Begin one."""
        now = self._clock.monotonic()
        session = Session(id=self._new_id(), principal=principal, server=server, version=version, now=now)
        if self._counts.get(principal, 0) >= MOST_OF_ONE:
            self.end(next(one for one in self._open.values() if one.principal == principal))
        while len(self._open) >= MOST:
            self.end(next(iter(self._open.values())))
        self._open[session.id] = session
        self._counts[principal] = self._counts.get(principal, 0) + 1
        return session

    def find(self, identifier: str, *, principal: str, server: str) -> Session | None:
        """The session, if it is this principal's on this endpoint and has not idled out."""
        session = self._open.get(identifier)
        if session is None or session.principal != principal or session.server != server:
            return None
        now = self._clock.monotonic()
        if now - session.used > IDLE_SECONDS:
            self.end(session)
            return None
        session.used = now
        self._open.move_to_end(identifier)
        return session

    def end(self, session: Session) -> None:
        """Forget it and cut short what runs in it."""
        if self._open.pop(session.id, None) is None:
            return
        self._counts[session.principal] -= 1
        if not self._counts[session.principal]:
            del self._counts[session.principal]
        session.standing.close()
        for scope in session.running.values():
            scope.reschedule(0)

    def __len__(self) -> int:
        return len(self._open)
