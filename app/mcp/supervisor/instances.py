"""The processes of one entry: one that all callers share, and those that are one caller's own.

A program of the older era serves one client by its nature: log levels, subscriptions and its own questions belong to
the connection. Who needs those gets a connection, that is: a process.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Literal

import msgspec

from app.core.errors import UpstreamError
from app.core.passage import Passage
from app.mcp.supervisor.capacity import Capacity
from app.mcp.supervisor.supervised import Supervised
from app.mcp.upstream.asking import ANSWERABLE, ASKING, answerable, berth, is_berth
from app.mcp.upstream.guest import CLAIMS, Guest
from app.mcp.upstream.ports import Caller, Description, Outgoing, Relay, Reply, Status

Mode = Literal["auto", "shared", "principal", "session"]
MOST = 1_000
"""Processes of single callers that are known for one entry; most of them are stopped."""
MOST_OF_ONE = 8
"""Processes of one principal that run for one entry."""
Place = tuple[str, str]
"""Principal and session; without a session a principal's own."""


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a process somebody's own: `key` names it among all, `owner` its home folder and its user."""

    key: str
    number: int
    owner: str
    guest: Guest | None


Make = Callable[[Own], Supervised]


class Instances:
    """The upstream of an entry with a command."""

    def __init__(self, shared: Supervised, *, make: Make, mode: Mode, capacity: Capacity) -> None:
        self.name = shared.name
        self.sessions = mode in ("auto", "session") or shared.sessions
        self.shared = shared
        self._make = make
        self._mode: Mode = mode
        self._capacity = capacity
        self._own: OrderedDict[Place, Supervised] = OrderedDict()
        self._numbers: dict[Place, int] = {}
        self._made = 0
        self._changed = asyncio.Event()

    def of(self, caller: Caller, method: str) -> Supervised:
        """The process for this request of this caller; UpstreamError when it may have none of its own any more."""
        shown = self._asked(caller, method)
        place = self._berth(caller, shown) if shown else self._place(caller)
        if place is None:
            return self.shared
        if (found := self._own.get(place)) is not None:
            self._own.move_to_end(place)
            return found.promised() if shown else found
        if self._mode == "auto" and not shown and not self._needed(caller, method):
            return self.shared
        if not self._room(place[0]):
            if self._mode == "auto":
                return self.shared  # which refuses what only a process of one's own can do
            raise UpstreamError(
                f"The tool server {self.name} has no room for another process of this caller.", kind="connect"
            )
        made = self._begin(place, caller)
        return made.promised() if shown else made

    def _asked(self, caller: Caller, method: str) -> dict[str, Any]:
        """What a caller without a session shows that a program of the older era may ask it for, in this request."""
        if method not in ASKING or caller.session or self._mode != "auto" or self.shared.era != "old":
            return {}
        return answerable(caller)

    def _berth(self, caller: Caller, shown: Mapping[str, Any]) -> Place:
        owner = caller.principal
        taken = {name for (whose, name), one in self._own.items() if whose == owner and one.taken}
        return owner, berth(shown, taken)

    def _place(self, caller: Caller) -> Place | None:
        if self._mode == "shared":
            return None
        if is_berth(caller.session):  # it was asked there, and comes back
            return caller.principal, caller.session
        if self._mode == "principal":
            return caller.principal, ""
        session = caller.session if caller.era == "old" else ""
        return (caller.principal, session) if session or self._mode == "session" else None

    def _needed(self, caller: Caller, method: str) -> bool:
        """Whether a shared process could not do it: keep a setting, or ask this client something."""
        asks = any(key in caller.capabilities for key in ANSWERABLE)
        return method in CLAIMS or (method in ASKING and asks and caller.era == "old")

    def _room(self, principal: str) -> bool:
        """Whether one more may run; of a principal's many, the one that rested longest gives way."""
        running = [one for (owner, _), one in self._own.items() if owner == principal and not one.idle]
        if len(running) >= MOST_OF_ONE:
            resting = next((one for one in running if not one.busy), None)
            if resting is None:
                return False
            resting.stop("idle")  # it comes back, with what its session set, when it is asked again
        return not self._capacity.full

    def _begin(self, place: Place, caller: Caller) -> Supervised:
        while len(self._own) >= MOST:
            self._drop(next((key for key, one in self._own.items() if one.idle), next(iter(self._own))))
        used = set(self._numbers.values())
        number = self._numbers[place] = next(one for one in range(1, len(used) + 2) if one not in used)
        self._made += 1
        guest = Guest(caller, berth=place[1] if is_berth(place[1]) else "") if place[1] else None
        own = Own(
            key=f"{self.name}@{self._made}",
            number=number,
            owner=sha256(place[0].encode()).hexdigest()[:16],
            guest=guest,
        )
        made = self._own[place] = self._make(own)
        self._changed.set()
        return made

    def _drop(self, place: Place) -> None:
        if self._own.pop(place, None) is not None:
            self._numbers.pop(place, None)
            self._changed.set()

    async def run(self) -> None:
        """Drive all of them until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.shared.run())
            running: dict[Supervised, asyncio.Task[None]] = {}
            while True:
                self._changed.clear()
                wanted = set(self._own.values())
                for one in [one for one in running if one not in wanted]:
                    running.pop(one).cancel()
                for one in wanted - running.keys():
                    running[one] = group.create_task(one.run())
                await self._changed.wait()

    @property
    def changes(self) -> int:
        """Of the shared process; those of others are asked of them."""
        return self.shared.changes

    def place(self, caller: Caller) -> str:
        """Where the caller's next request goes."""
        return self.of(caller, "").place(caller)

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """What the caller's process said at its start."""
        return await self.of(caller, "").describe(passage, caller)

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request to the caller's process."""
        return await self.of(caller, outgoing.method).request(passage, caller, outgoing, relay)

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """What the shared process says; a process of the caller's own says it to its line."""
        if self._mode in ("auto", "shared"):
            await self.shared.listen(passage, caller)

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """The session ended: its process ends."""
        if caller.session:
            self._drop((caller.principal, caller.session))
        await self.shared.forget(passage, caller)

    async def restart(self) -> None:
        """The shared one is started again, the others end and come back when they are needed."""
        for one in self._own.values():
            one.stop("asked to restart")
        await self.shared.restart()

    def renew(self) -> None:
        """All of them begin anew with the secrets of now."""
        for one in (self.shared, *self._own.values()):
            one.renew()

    def state(self) -> Status:
        """Of the shared one, with the number of others and what all take together."""
        status = self.shared.state()
        running = [found for one in self._own.values() if (found := one.state()).state == "ready"]
        if not running:
            return status
        if status.state == "stopped":
            status = msgspec.structs.replace(status, state="ready", level=running[-1].level)
        return msgspec.structs.replace(
            status,
            instances=len(running),
            memory_bytes=status.memory_bytes + sum(one.memory_bytes for one in running),
            cpu_seconds=status.cpu_seconds + sum(one.cpu_seconds for one in running),
            processes=status.processes + sum(one.processes for one in running),
        )
