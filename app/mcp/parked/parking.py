"""The calls of this node that wait for their clients: each is its principal's, taken up once for each question."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from msgspec import Raw

from app.admission import Admission
from app.core.clock import Clock
from app.core.errors import UpstreamError
from app.mcp.inputs import ROUNDS, Seal
from app.mcp.noted import event_about
from app.mcp.parked import wire
from app.mcp.parked.call import Parked, Send
from app.mcp.parked.wire import Waits
from app.mcp.protocol import INVALID_PARAMS, UNAVAILABLE, ProtocolError
from app.mcp.turn import Turn, bound, outgoing_of
from app.mcp.upstream.asking import ANSWERED_WITHIN
from app.mcp.upstream.ports import Relay, Reply, Upstream

LONGEST_SECONDS = 3600.0
"""How long a call may wait in all, however often it asks."""
MOST = 256
MOST_OF_ONE = 8
_KIND = b"parked\0"
Beside = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Runs something beside the requests, until the tool servers end."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, and calls that wait at a time."""

    wait: float = ANSWERED_WITHIN
    longest: float = LONGEST_SECONDS
    most: int = MOST
    most_of_one: int = MOST_OF_ONE


class Parking:
    """`node` is this node's name, in states that another node may see."""

    def __init__(
        self,
        *,
        seal: Seal,
        beside: Beside,
        admission: Admission,
        clock: Clock,
        new_id: Callable[[], str],
        node: str = "",
        limits: Limits,
    ) -> None:
        self._seal = seal
        self._beside = beside
        self._admission = admission
        self._clock = clock
        self._new_id = new_id
        self._node = node
        self._limits = limits
        self._calls: dict[str, Parked] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._calls)

    async def begin(self, turn: Turn, upstream: Upstream, relay: Relay, send: Send) -> Reply | Waits:
        """Send a request whose caller can be asked; the answer, or what must be asked first."""
        call = Parked(
            id=self._new_id(),
            caller=turn.caller,
            upstream=upstream,
            bound=_KIND + bound(turn),
            first=turn.passage.id,
            until=asyncio.get_running_loop().time() + self._limits.longest,
        )
        call.wake(turn.passage, relay, _token(turn))
        call.task = self._beside(self._carry(turn, call, send))
        return await self._follow(turn, call)

    async def resume(self, turn: Turn, relay: Relay) -> Reply | Waits:
        """Give the answers to the server; the answer of the call, or what it asks next."""
        given = wire.answers(turn.message.raw.get("inputResponses"), turn.message.params)
        call = self.find(turn)
        self._leave(call)
        call.wake(turn.passage, relay, _token(turn))
        try:
            await call.answer(given)
        except BaseException:
            await asyncio.shield(call.cancel())
            raise
        return await self._follow(turn, call)

    async def _carry(self, turn: Turn, call: Parked, send: Send) -> None:
        """The request to its end; what it comes to while its client is away is kept for the client's return."""
        try:
            await call.run(send)
        finally:
            if call.round:
                seen = {"seen": str(call.seen)} if call.seen != call.first else {}
                self._note(turn, "tool.end", status=call.status, began=str(call.first), **seen)
            if call.id in self._calls and call.status == "cancelled":
                self._leave(call)
        await call.fetched(within=self._limits.wait)
        if call.id in self._calls:
            self._leave(call)

    async def _follow(self, turn: Turn, call: Parked) -> Reply | Waits:
        """Until the call is over or wants something; who goes away meanwhile ends it."""
        try:
            if await call.news():
                return call.outcome()
            return self._park(turn, call)
        except BaseException:
            await asyncio.shield(call.cancel())
            raise

    def _park(self, turn: Turn, call: Parked) -> Waits:
        owner, limits = turn.caller.principal, self._limits
        if call.round >= ROUNDS:
            raise UpstreamError(f"The tool wanted input more than {ROUNDS} times.", kind="protocol")
        if self._counts[owner] >= limits.most_of_one or len(self._calls) >= limits.most:
            raise ProtocolError(
                "Too many calls wait for an answer of their client; answer those, or let them expire.",
                number=UNAVAILABLE,
                status=429,
                data={"reason": "too_many_waiting", "retry_after": int(limits.wait)},
            )
        for key in call.asked.keys() - call.told:
            self._note(turn, "tool.ask", call=str(call.first), question=key, method=call.asked[key].method)
        call.rest(limits.wait)
        self._calls[call.id] = call
        self._counts[owner] += 1
        state = self._seal.seal(f"{call.id} {call.round}", call.bound)
        return Waits(result=wire.input_required(call.asked, wire.addressed(self._node, state)))

    def resumes(self, turn: Turn) -> bool:
        """Whether the request takes up a call that waits, here or elsewhere."""
        return wire.address(turn.message.params.get("requestState")) is not None

    def find(self, turn: Turn) -> Parked:
        """The call that a state names, for who may take it up, once; ProtocolError otherwise."""
        node, sealed = wire.address(turn.message.params.get("requestState")) or ("", "")
        if node != self._node:
            raise ProtocolError(
                "This call waits at another node; send the same request again, to reach it.",
                number=UNAVAILABLE,
                status=503,
                data={"reason": "other_node", "retry_after": 1},
            )
        identifier, _, number = self._seal.open(sealed, _KIND + bound(turn)).partition(" ")
        call = self._calls.get(identifier)
        if call is None or str(call.round) != number:
            raise ProtocolError(
                "The call does not wait any more: it was answered, or it took too long."
                " Call again without params.requestState.",
                number=INVALID_PARAMS,
                data={"reason": "not_waiting"},
            )
        return call

    def _leave(self, call: Parked) -> None:
        owner = call.caller.principal
        del self._calls[call.id]
        self._counts[owner] -= 1
        if not self._counts[owner]:
            del self._counts[owner]

    def _note(self, turn: Turn, action: str, *, status: str = "", **body: str) -> None:
        event = event_about(
            turn.passage,
            action=action,
            resource=turn.target.resource,
            status=status,
            body=body,
            now=self._clock.now(),
        )
        self._admission.records.post(event, ())


def _token(turn: Turn) -> Raw | None:
    return outgoing_of(turn).progress
