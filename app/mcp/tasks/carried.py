"""Tasks that live at a tool server: asked there for the one whose they are, and their end written down once."""

import msgspec
from msgspec import Raw

from app.admission import Admission
from app.audit.event import Event
from app.core.call import Resource
from app.core.clock import Clock
from app.core.errors import UpstreamError
from app.mcp import protocol, results
from app.mcp.answers import Answer
from app.mcp.noted import event_about
from app.mcp.protocol import INVALID_PARAMS
from app.mcp.tasks.ledger import Ledger, task_of
from app.mcp.tasks.store import Kept
from app.mcp.tasks.task import OVER, Task, TaskStatus, Told, read
from app.mcp.turn import Turn, following
from app.mcp.upstream.ports import Outgoing, Relay, Reply
from app.mcp.upstream.servers import Servers
from app.mcp.upstream.silent import Silent

_ENDED: dict[TaskStatus, str] = {"completed": "ok", "failed": "error", "cancelled": "cancelled"}


class Carried:
    """The end of a task is an event of its own: the call that began it had its outcome long before."""

    def __init__(self, *, ledger: Ledger, servers: Servers, admission: Admission, clock: Clock) -> None:
        self._ledger = ledger
        self._servers = servers
        self._admission = admission
        self._clock = clock

    async def send(
        self, turn: Turn, kept: Kept, method: str, params: dict[str, Raw], relay: Relay | None = None
    ) -> Reply:
        """Ask the server about a task, in the session in which it was begun."""
        upstream = self._servers.get(kept.server)
        if upstream is None:
            raise UpstreamError(f"There is no tool server {kept.server} any more.", kind="connect")
        caller = following(turn.caller, tasks=True)
        if kept.session:
            caller = msgspec.structs.replace(caller, session=kept.session)
        outgoing = Outgoing(method=method, params={**params, "taskId": kept.upstream})
        return await upstream.of(caller, method).request(turn.passage, caller, outgoing, relay or Silent())

    def failed(self, turn: Turn, reply: Reply) -> Answer | None:
        """The server's own error as the answer; None when there is none."""
        failure = results.failure(reply)
        if failure is None or reply.error is None:
            return None
        turn.passage.note(status="error", error=f"{failure.code}: {failure.message}"[:1000])
        status = results.status_of(failure.code, turn.caller.era)
        return Answer(body=protocol.error_raw(turn.message.id, reply.error), status=status)

    async def look(self, turn: Turn, kept: Kept) -> Task:
        """How it stands there now."""
        reply = await self.send(turn, kept, "tasks/get", {})
        failure = results.failure(reply)
        if failure is not None:
            if failure.code != INVALID_PARAMS:
                raise UpstreamError(
                    f"The tool server {kept.server} refused: {failure.message}", kind="status"
                )
            return await self._end(turn, kept, "failed", reply, message="The tool server forgot the task.")
        told = read(reply.result or Raw(b"{}"), era=reply.era, begun=False)
        if told.status in OVER:
            return await self._finished(turn, kept, told, reply)
        await self._ledger.note(kept, told.status, message=told.statusMessage)
        return msgspec.structs.replace(
            task_of(kept, poll_ms=told.poll_ms),
            status=told.status,
            message=told.statusMessage,
            updated=self._clock.now(),
            inputs=told.inputRequests or None,
        )

    async def _finished(self, turn: Turn, kept: Kept, told: Told, reply: Reply) -> Task:
        if reply.era == "old" and told.status != "cancelled":
            return await self.settle(turn, kept, await self.send(turn, kept, "tasks/result", {}))
        found = Reply(result=told.result or None, error=told.error or None, era=reply.era)
        return await self._end(turn, kept, told.status, found, message=told.statusMessage)

    async def settle(self, turn: Turn, kept: Kept, reply: Reply) -> Task:
        """It is over, with this as its answer."""
        return await self._end(turn, kept, "completed" if reply.error is None else "failed", reply)

    async def _end(
        self, turn: Turn, kept: Kept, status: TaskStatus, reply: Reply, *, message: str = ""
    ) -> Task:
        answer = None
        if reply.result is not None:
            fitted = results.fit(reply.result, method="tools/call", era=turn.caller.era, from_era=reply.era)
            answer = {"result": Raw(fitted)}
            turn.passage.note(result={"task": kept.id, **results.recorded(reply.result)})
        elif reply.error is not None:
            answer = {"error": reply.error}
        if await self._ledger.end(kept, status, message=message, answer=answer):
            self._admission.records.post(self._ended(turn, kept, status), ())
        return task_of(await self._ledger.find(turn.passage, kept.id, endpoint=kept.endpoint))

    def _ended(self, turn: Turn, kept: Kept, status: TaskStatus) -> Event:
        """Who asked stands in the row of the call that this one names."""
        return event_about(
            turn.passage,
            action="tool.end",
            resource=Resource("tool", f"{kept.server}/{kept.tool}"),
            now=self._clock.now(),
            status=_ENDED.get(status, "error"),
            body={"task": kept.id, "began": str(kept.call), "seen": str(turn.passage.id)},
        )
