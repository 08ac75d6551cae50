"""`notifications/tasks` of 2026-07-28: whoever names tasks in `subscriptions/listen` is told when they change.

Nothing tells us when a task changes at its server, so it is asked, as its client would, for as long as somebody listens.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Raw

from app.core.errors import DatabaseError, EgressError, InputError, SallyportError, UpstreamError
from app.mcp import protocol
from app.mcp.answers import Answer
from app.mcp.protocol import INVALID_PARAMS, ProtocolError
from app.mcp.protocol.envelope import SUBSCRIPTION
from app.mcp.tasks.later import declares_tasks
from app.mcp.tasks.ledger import Ledger
from app.mcp.tasks.store import Kept
from app.mcp.tasks.task import OVER, Task, shown
from app.mcp.turn import Turn, members_of
from app.mcp.upstream.ports import Relay, Respond

MOST_FOLLOWED = 100
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_WISH = "taskIds"
_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
Look = Callable[[Turn, Kept], Awaitable[Task]]
Listen = Callable[[Turn, Relay], Awaitable[Answer]]


class Following:
    """`look` asks how a task stands."""

    def __init__(self, *, ledger: Ledger, look: Look) -> None:
        self._ledger = ledger
        self._look = look

    def wanted(self, turn: Turn) -> bool:
        """Whether a subscription names tasks, and its client follows them."""
        return (
            turn.message.method == "subscriptions/listen"
            and declares_tasks(turn.caller.capabilities)
            and _WISH in members_of(turn.message.params.get("notifications"))
        )

    async def listen(self, turn: Turn, relay: Relay, listen: Listen) -> Answer:
        """Tell of the tasks until the client closes its stream; `listen` is for what else it wants to hear."""
        wishes = members_of(turn.message.params.get("notifications"))
        kept = await self._kept(turn, wishes[_WISH])
        turn.passage.note(result={"tasks": [one.id for one in kept]})
        heard = _Heard(relay, tasks=[one.id for one in kept], request=Raw(turn.message.id or b"null"))
        rest = {key: value for key, value in wishes.items() if key != _WISH}
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell(turn, kept, heard))
            answer = await _listened(turn, rest, heard, listen)
            telling.cancel()
        if isinstance(answer, SallyportError):
            raise answer
        return answer

    async def _kept(self, turn: Turn, wish: Any) -> list[Kept]:
        """The caller's own of them; others are left out, and the acknowledgement says so."""
        if not isinstance(wish, list) or len(wish) > MOST_FOLLOWED:
            text = f"params.notifications.{_WISH} must be a list of {MOST_FOLLOWED} ids at most."
            raise ProtocolError(text, number=INVALID_PARAMS)
        found: dict[str, Kept] = {}
        for identifier in wish:
            try:
                kept = await self._ledger.find(turn.passage, identifier, endpoint=turn.inbound.server)
            except ProtocolError:
                continue
            found[kept.id] = kept
        return list(found.values())

    async def _tell(self, turn: Turn, kept: list[Kept], heard: "_Heard") -> None:
        await heard.acknowledged.wait()
        told: dict[str, bytes] = {}
        pause, going = _PAUSE, [one.id for one in kept]
        while going:
            for identifier in list(going):
                task = await self._task(turn, identifier)
                if task is None:
                    continue
                params = {
                    key: value for key, value in shown(task, era="modern").items() if key != "resultType"
                }
                state = msgspec.json.encode({**params, "lastUpdatedAt": ""})
                if state != told.get(identifier):
                    told[identifier], pause = state, _PAUSE
                    await heard.tell("notifications/tasks", params)
                if task.status in OVER:
                    going.remove(identifier)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _task(self, turn: Turn, identifier: str) -> Task | None:
        """How it stands; None when that cannot be known now."""
        try:
            kept = await self._ledger.find(turn.passage, identifier, endpoint=turn.inbound.server)
            return await self._look(turn, kept)
        except (UpstreamError, EgressError, InputError, DatabaseError):
            return None


class _Heard:
    """The relay of such a subscription: it acknowledges the tasks too, before anything is told of them."""

    def __init__(self, relay: Relay, *, tasks: list[str], request: Raw) -> None:
        self.session: Any = None
        self.acknowledged = asyncio.Event()
        self._relay = relay
        self._tasks = tasks
        self._request = request

    async def notify(self, message: bytes) -> None:
        """Pass it on."""
        seen = msgspec.json.decode(message)
        if seen.get("method") == _ACKNOWLEDGED:
            await self.acknowledge(members_of(members_of(seen.get("params")).get("notifications")))
        else:
            await self._relay.notify(message)

    async def acknowledge(self, others: dict[str, Any]) -> None:
        """Say what is honored."""
        await self.tell(_ACKNOWLEDGED, {"notifications": {**others, _WISH: self._tasks}})
        self.acknowledged.set()

    async def tell(self, method: str, params: dict[str, Any]) -> None:
        """A notification of ours, in this subscription."""
        meta = {SUBSCRIPTION: self._request}
        await self._relay.notify(protocol.notification(method, {**params, "_meta": meta}))

    async def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """A subscription asks nothing."""
        return False


async def _listened(
    turn: Turn, rest: dict[str, Any], heard: _Heard, listen: Listen
) -> Answer | SallyportError:
    """What came of listening to the server, if anything else is wanted of it."""
    if not any(rest.values()):
        await heard.acknowledge({})
        await asyncio.Event().wait()
    try:
        return await listen(_without_tasks(turn, rest), heard)
    except SallyportError as error:
        return error


def _without_tasks(turn: Turn, wishes: dict[str, Any]) -> Turn:
    """The same subscription as a server hears of it: it knows our tasks by other names."""
    message = turn.message
    changed = msgspec.structs.replace(
        message,
        params={**message.params, "notifications": wishes},
        raw={**message.raw, "notifications": Raw(msgspec.json.encode(wishes))},
    )
    return msgspec.structs.replace(turn, message=changed)
