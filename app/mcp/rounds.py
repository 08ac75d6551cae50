"""One request to a tool server, as often as it takes: what the server wants first, then its answer."""

from typing import Any

import msgspec
from msgspec import Raw

from app.core.errors import UpstreamError
from app.mcp import inputs, results
from app.mcp.inputs import Seal
from app.mcp.parked import Parking, Waits
from app.mcp.parked.wire import can_be_asked
from app.mcp.protocol import METHOD_NOT_FOUND, mirrored
from app.mcp.protocol.mirrored import Mirrors
from app.mcp.tasks import Tasks
from app.mcp.tasks.later import WAITING
from app.mcp.turn import Turn, bound, outgoing_of
from app.mcp.upstream.ports import Outgoing, Relay, Reply, Upstream

_ROUND = frozenset({"requestState", "inputResponses"})


class Rounds:
    """Questions go to a client of the older era beside its call, to one of 2026-07-28 as a result."""

    def __init__(self, *, seal: Seal, tasks: Tasks | None, parking: Parking | None) -> None:
        self._seal = seal
        self._tasks = tasks
        self._parking = parking

    async def reply(
        self, turn: Turn, upstream: Upstream, relay: Relay, mirrors: Mirrors | None
    ) -> Reply | Waits:
        """The answer, or what the client must answer before it."""
        parking = self._parking
        if parking is not None and parking.resumes(turn):
            return await parking.resume(turn, relay)
        outgoing = _mirrored(turn, self._opened(turn), mirrors)
        if turn.caller.era == "old":
            return await self._asked_beside(turn, upstream, outgoing, relay)
        if parking is None or not can_be_asked(turn.caller, outgoing.method):
            return await self._once(turn, upstream, outgoing, relay)

        async def send(mine: Relay) -> Reply:
            return await self._once(turn, upstream, outgoing, mine)

        return await parking.begin(turn, upstream, relay, send)

    def taken_up(self, turn: Turn) -> Upstream | None:
        """Where the call waits that a request takes up; None when it takes up none. ProtocolError when it may not."""
        parking = self._parking
        return parking.find(turn).upstream if parking is not None and parking.resumes(turn) else None

    def finished(self, turn: Turn, result: Raw) -> Raw | bytes:
        """A result whose state the client may hold."""
        return inputs.with_sealed_state(result, self._seal, bound(turn))

    def _opened(self, turn: Turn) -> Outgoing:
        """The request with the server's own state in place of what the client held."""
        outgoing = outgoing_of(turn)
        if "requestState" not in outgoing.params:
            return outgoing
        state = self._seal.open(turn.message.params["requestState"], bound(turn))
        params = {**outgoing.params, "requestState": state}
        if state == WAITING:  # it was our own question, whether to look again
            params = {key: value for key, value in params.items() if key not in _ROUND}
        return msgspec.structs.replace(outgoing, params=params)

    async def _asked_beside(self, turn: Turn, upstream: Upstream, outgoing: Outgoing, relay: Relay) -> Reply:
        """The answer; a client of the older era is asked here for what a modern server wants first."""
        for _ in range(inputs.ROUNDS):
            reply = await self._once(turn, upstream, outgoing, relay)
            if reply.result is None or results.outcome(reply.result).done:
                return reply
            want = inputs.wanted(reply.result)
            more: dict[str, Any] = {"inputResponses": await inputs.ask_all(relay, want.questions)}
            if want.state is not None:
                more["requestState"] = want.state
            outgoing = msgspec.structs.replace(outgoing, params={**outgoing.params, **more})
        raise UpstreamError(f"The tool wanted input more than {inputs.ROUNDS} times.", kind="protocol")

    async def _once(self, turn: Turn, upstream: Upstream, outgoing: Outgoing, relay: Relay) -> Reply:
        reply = await upstream.request(turn.passage, turn.caller, outgoing, relay)
        if not self._only_as_task(turn, reply):
            return reply
        asked = msgspec.structs.replace(outgoing, params={**outgoing.params, "task": {}})
        return await upstream.request(turn.passage, turn.caller, asked, relay)

    def _only_as_task(self, turn: Turn, reply: Reply) -> bool:
        """Whether a server of the older era does this tool only as a task; nothing was done then."""
        if reply.era == "modern" or reply.error is None or turn.caller.era == "old" or self._tasks is None:
            return False
        failure = results.failure(reply)
        return failure is not None and failure.code == METHOD_NOT_FOUND and self._tasks.expected(turn)


def _mirrored(turn: Turn, outgoing: Outgoing, mirrors: Mirrors | None) -> Outgoing:
    """With the headers that repeat arguments: checked where the caller's era has them, made from the arguments."""
    if mirrors is None:
        return outgoing
    arguments = turn.target.arguments or {}
    if turn.caller.era == "modern":
        mirrored.agree(mirrors, arguments, outgoing.headers)
    return msgspec.structs.replace(outgoing, headers=mirrored.headers_for(mirrors, arguments))
