"""A call that was denied until a person acts: kept as a task, or put to its client as a question, and made later."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from app.admission import Admission
from app.core.call import Call
from app.core.errors import DeniedError, SallyportError
from app.core.ids import child_span
from app.mcp import inputs, protocol
from app.mcp.answers import Answer
from app.mcp.inputs import Seal
from app.mcp.protocol import FORBIDDEN, Era, Message, envelope, methods
from app.mcp.protocol.envelope import TASKS, Headers
from app.mcp.protocol.methods import Target
from app.mcp.tasks.ledger import Begun, Ledger, owner, task_of
from app.mcp.tasks.store import Kept
from app.mcp.tasks.task import Task, begun
from app.mcp.tasks.waiting import Waiting
from app.mcp.turn import Inbound, Turn, members_of

WAITING = "sallyport:waiting"
"""The state of a question of ours: nothing a tool server may see."""
KEPT_FOR = timedelta(hours=24)
LEASE_SECONDS = 3600.0
_KEY = "approval"
_LOST = "The node that made this call ended before its answer was kept."
_LEFT = "Its client went away while the call was made."
Make = Callable[[Inbound, Message], Awaitable[Answer]]


class _Why(msgspec.Struct):
    reason: str = ""


class _Denied(msgspec.Struct):
    data: _Why = msgspec.field(default_factory=_Why)


class Later:
    """`make` makes a call as if its client sent it now: it is admitted anew."""

    def __init__(
        self, *, ledger: Ledger, waiting: Waiting, admission: Admission, seal: Seal, make: Make
    ) -> None:
        self._ledger = ledger
        self._waiting = waiting
        self._admission = admission
        self._seal = seal
        self._make = make

    async def instead(
        self, inbound: Inbound, message: Message, target: Target, error: DeniedError, *, era: Era
    ) -> Answer | None:
        """What a client gets in place of a denial that a person can turn; None: the denial itself."""
        if message.method != "tools/call" or error.anonymous or not target.server:
            return None
        way = _way(message, era)
        if not way or not self._waiting.waits(error.decision.reason):
            return None
        call = Call(
            door="mcp",
            action="server.connect",
            resource=methods.server_resource(inbound.server),
            trace=child_span(inbound.trace),
            credential=inbound.credential,
            details={
                "method": f"waiting/{way}",
                "tool": str(target.resource),
                "denied": error.decision.reason,
            },
            client=inbound.client,
            address=inbound.address,
            session=inbound.headers.session or "",
        )
        try:
            async with self._admission.admit(call) as passage:
                said = error.decision.message
                if way == "question":
                    state = self._seal.seal(
                        WAITING,
                        inputs.about(owner(passage), message.method, target.server, message.params),
                    )
                    result = _question(said, state)
                else:
                    kept = await self._ledger.begin(
                        passage,
                        Begun(
                            endpoint=inbound.server,
                            server=target.server,
                            tool=target.name,
                            lasts=KEPT_FOR,
                            message=said,
                            request=_request(message),
                        ),
                    )
                    passage.note(result={"task": kept.id})
                    result = begun(task_of(kept), era=era)
        except SallyportError:
            return None
        return Answer(body=protocol.result(message.id or b"null", msgspec.json.encode(result)))

    async def look(self, turn: Turn, kept: Kept) -> Task:
        """How it stands with a call that waits; one that may be made is made now, while its caller asks for it."""
        if kept.leased is not None:
            if self._ledger.lost(kept):
                return await self._over(turn, kept, error=_LOST)
            return task_of(kept)
        stands = self._waiting.stands(kept.server, kept.tool)
        if stands == "refused":
            return await self._over(
                turn, kept, error="A person judged it, and did not approve.", code=FORBIDDEN
            )
        if stands == "waiting" or not await self._ledger.lease(kept, seconds=LEASE_SECONDS):
            return task_of(kept)
        try:
            answer = await self._make(_again(turn), _message(kept))
        except asyncio.CancelledError:
            await asyncio.shield(self._over(turn, kept, error=_LEFT))
            raise
        wire = protocol.read_wire(answer.body)
        if wire is not None and wire.result is not UNSET:
            await self._ledger.end(kept, "completed", answer={"result": wire.result})
        elif wire is not None and wire.error is not UNSET and self._still(wire.error):
            await self._ledger.release(kept)
        elif wire is not None and wire.error is not UNSET:
            await self._ledger.end(kept, "failed", answer={"error": wire.error})
        else:
            return await self._over(turn, kept, error="The call had no answer.")
        return await self._now(turn, kept)

    def _still(self, error: Raw) -> bool:
        """Whether the call was denied for something else that a person can turn."""
        return self._waiting.waits(msgspec.json.decode(error, type=_Denied).data.reason)

    async def _over(self, turn: Turn, kept: Kept, *, error: str, code: int = -32603) -> Task:
        answer = {"error": {"code": code, "message": error}}
        await self._ledger.end(kept, "failed", message=error, answer=answer)
        return await self._now(turn, kept)

    async def _now(self, turn: Turn, kept: Kept) -> Task:
        return task_of(await self._ledger.find(turn.passage, kept.id, endpoint=kept.endpoint))


def declares_tasks(capabilities: dict[str, Any]) -> bool:
    """Whether a client of 2026-07-28 follows tasks."""
    return TASKS in members_of(capabilities.get("extensions"))


def _way(message: Message, era: Era) -> str:
    """How this client can be told to wait: `task`, `question`, or not at all."""
    if era == "old":
        return "task" if isinstance(message.params.get("task"), dict) else ""
    capabilities = members_of(message.meta.get(envelope.CAPABILITIES))
    if declares_tasks(capabilities):
        return "task"
    answered = members_of(message.params.get("inputResponses")).get(_KEY)
    if isinstance(answered, dict) and answered.get("action") != "accept":
        return ""  # it does not want to wait
    asked = capabilities.get("elicitation")
    return "question" if isinstance(asked, dict) and (not asked or "form" in asked) else ""


def _question(said: str, state: str) -> dict[str, Any]:
    params = {
        "mode": "form",
        "message": f"{said} Accept to look again, once a person has judged it.",
        "requestedSchema": {"type": "object", "properties": {}},
    }
    requests = {_KEY: {"method": "elicitation/create", "params": params}}
    return {"resultType": "input_required", "inputRequests": requests, "requestState": state}


def _request(message: Message) -> dict[str, Any]:
    """The call without what belongs to this one exchange."""
    return {key: value for key, value in message.raw.items() if key in ("name", "arguments")}


def _message(kept: Kept) -> Message:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + (kept.request or "{}").encode() + b"}"
    return protocol.parse(body)[0][0]


def _again(turn: Turn) -> Inbound:
    return Inbound(
        server=turn.inbound.server,
        credential=turn.inbound.credential,
        trace=child_span(turn.passage.trace),
        headers=Headers(),
        client=turn.inbound.client,
        address=turn.inbound.address,
    )
