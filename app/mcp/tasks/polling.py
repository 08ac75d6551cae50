"""What is done for tasks/get, update, cancel, result and list: the caller's own tasks, here or at a tool server."""

import asyncio
from typing import Any

import msgspec
from msgspec import Raw

from app.core.errors import UpstreamError
from app.mcp import protocol, results
from app.mcp.answers import Answer
from app.mcp.protocol import INVALID_PARAMS, MISSING_CAPABILITY, ProtocolError
from app.mcp.protocol.envelope import TASKS
from app.mcp.tasks.carried import Carried
from app.mcp.tasks.following import Following
from app.mcp.tasks.later import Later, declares_tasks
from app.mcp.tasks.ledger import PAGE, Begun, Ledger, task_of
from app.mcp.tasks.store import Kept
from app.mcp.tasks.task import LONGEST, OVER, RELATED, Task, begins, begun, read, shown
from app.mcp.turn import Turn
from app.mcp.upstream.ports import Relay, Reply

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class Tasks:
    """The tasks of all callers; each sees its own."""

    def __init__(self, *, ledger: Ledger, later: Later, carried: Carried) -> None:
        self._ledger = ledger
        self._later = later
        self._carried = carried
        self.following = Following(ledger=ledger, look=self._current)

    def expected(self, turn: Turn) -> bool:
        """Whether the caller of a tool can follow a task."""
        if turn.message.method != "tools/call":
            return False
        if turn.caller.era == "old":
            return isinstance(turn.message.params.get("task"), dict)
        return declares_tasks(turn.caller.capabilities)

    async def begun(self, turn: Turn, reply: Reply) -> Answer | None:
        """The answer to a call that a server answered with a task; None when it did not."""
        raw, expected = reply.result, self.expected(turn)
        if raw is None or turn.message.method != "tools/call":
            return None
        task = begins(raw, era=reply.era)
        if task and not expected:
            raise UpstreamError(
                f"The tool server {turn.target.server} began a task that this client cannot follow.",
                kind="protocol",
            )
        if not task and not (expected and turn.caller.era == "old" and results.outcome(raw).done):
            return None
        told = read(raw, era=reply.era, begun=True) if task else None
        kept = await self._ledger.begin(
            turn.passage,
            Begun(
                endpoint=turn.inbound.server,
                server=turn.target.server,
                tool=turn.target.name,
                lasts=told.lasts if told is not None else LONGEST,
                status=told.status if told is not None and told.status not in OVER else "working",
                message=told.statusMessage if told is not None else "",
                upstream=told.taskId if told is not None else "",
                session=reply.session or turn.caller.session,
            ),
        )
        if told is None:  # a server without tasks answered at once: its answer is the task's
            result = results.fit(raw, method=turn.message.method, era="old", from_era=reply.era)
            await self._ledger.end(kept, "completed", answer={"result": Raw(result)})
            kept = await self._ledger.find(turn.passage, kept.id, endpoint=kept.endpoint)
            turn.passage.note(result=results.recorded(raw))
        else:
            turn.passage.note(status="started", result={"task": kept.id, "status": told.status})
        poll = told.poll_ms if told is not None else 100
        return self._done(turn, begun(task_of(kept, poll_ms=poll), era=turn.caller.era))

    async def answer(self, turn: Turn, relay: Relay) -> Answer:
        """The answer to one request about tasks."""
        if turn.caller.era == "modern" and not declares_tasks(turn.caller.capabilities):
            raise ProtocolError(
                f"The client must declare the extension {TASKS}.",
                number=MISSING_CAPABILITY,
                data={"requiredCapabilities": {"extensions": {TASKS: {}}}},
            )
        method = turn.message.method
        if method == "tasks/list":
            return await self._list(turn)
        kept = await self._ledger.find(
            turn.passage, turn.message.params.get("taskId"), endpoint=turn.inbound.server
        )
        if method == "tasks/result":
            return await self._result(turn, kept, relay)
        if method == "tasks/update":
            return await self._update(turn, kept)
        if method == "tasks/cancel":
            return await self._cancel(turn, kept)
        return self._shown(turn, await self._current(turn, kept))

    async def _current(self, turn: Turn, kept: Kept) -> Task:
        if kept.status in OVER:
            return task_of(kept)
        if kept.upstream:
            return await self._carried.look(turn, kept)
        return await self._later.look(turn, kept)

    async def _update(self, turn: Turn, kept: Kept) -> Answer:
        given = turn.message.raw.get("inputResponses")
        if given is None or not isinstance(turn.message.params["inputResponses"], dict):
            raise ProtocolError("params.inputResponses must be an object.", number=INVALID_PARAMS)
        turn.passage.note(result={"task": kept.id, "inputs": len(turn.message.params["inputResponses"])})
        if kept.upstream and kept.status not in OVER:
            reply = await self._carried.send(turn, kept, "tasks/update", {"inputResponses": given})
            if (failed := self._carried.failed(turn, reply)) is not None:
                return failed
        return self._done(turn, {"resultType": "complete"})

    async def _cancel(self, turn: Turn, kept: Kept) -> Answer:
        old = turn.caller.era == "old"
        turn.passage.note(result={"task": kept.id})
        if kept.status in OVER:
            if old:
                raise ProtocolError(f"The task is over: {kept.status}.", number=INVALID_PARAMS, status=200)
            return self._done(turn, {"resultType": "complete"})
        if not kept.upstream:
            await self._ledger.end(kept, "cancelled", message="Its client cancelled it.")
        else:
            reply = await self._carried.send(turn, kept, "tasks/cancel", {})
            if (failed := self._carried.failed(turn, reply)) is not None:
                return failed
        if not old:
            return self._done(turn, {"resultType": "complete"})
        kept = await self._ledger.find(turn.passage, kept.id, endpoint=kept.endpoint)
        return self._shown(turn, await self._current(turn, kept))

    async def _result(self, turn: Turn, kept: Kept, relay: Relay) -> Answer:
        """Of the older era: what the call came to, once it has."""
        if kept.upstream and kept.status not in OVER:
            # There the server may ask on this very stream, which polling would not show.
            reply = await self._carried.send(turn, kept, "tasks/result", {}, relay)
            if reply.error is None:
                await self._carried.settle(turn, kept, reply)
        while (task := await self._current(turn, kept)).status not in OVER:
            await asyncio.sleep(task.poll_ms / 1000)
            kept = await self._ledger.find(turn.passage, kept.id, endpoint=kept.endpoint)
        if task.result is None:
            error = task.error if task.error is not None else Raw(_gone(task))
            turn.passage.note(status="error", error=task.message or "The task failed.")
            return Answer(body=protocol.error_raw(turn.message.id, error))
        turn.passage.note(result=results.recorded(task.result))
        members: dict[str, Any] = dict(_MEMBERS.decode(task.result))
        meta = _MEMBERS.decode(members["_meta"]) if "_meta" in members else {}
        return self._done(turn, {**members, "_meta": {**meta, RELATED: {"taskId": kept.id}}})

    async def _list(self, turn: Turn) -> Answer:
        cursor = turn.message.params.get("cursor", "")
        if not isinstance(cursor, str) or len(cursor) > 256 or "\0" in cursor:
            raise ProtocolError("params.cursor is none of ours.", number=INVALID_PARAMS)
        found = await self._ledger.page(turn.passage, endpoint=turn.inbound.server, before=cursor)
        tasks = [shown(task_of(kept), era="old") for kept in found[:PAGE]]
        turn.passage.note(result={"shown": len(tasks)})
        more = {"nextCursor": found[PAGE - 1].id} if len(found) > PAGE else {}
        return self._done(turn, {"tasks": tasks, **more})

    def _shown(self, turn: Turn, task: Task) -> Answer:
        if turn.passage.result is None:
            turn.passage.note(result={"task": task.id, "status": task.status})
        return self._done(turn, shown(task, era=turn.caller.era))

    def _done(self, turn: Turn, value: dict[str, Any]) -> Answer:
        return Answer(body=protocol.result(turn.message.id or b"null", msgspec.json.encode(value)))


def _gone(task: Task) -> bytes:
    return msgspec.json.encode({"code": -32603, "message": task.message or f"The task was {task.status}."})
