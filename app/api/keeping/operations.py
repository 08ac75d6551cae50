"""`/api/v1/users/NAME/erasure`, `/api/v1/audit/holds`, `/api/v1/audit/retention`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page, Query
from app.audit.retention import Due, Hold, Holds, NewHold, Retention
from app.audit.retention.holds import LIFT, SET
from app.audit.subjects.erasure import Erasure, ErasurePlan, Erasures
from app.audit.subjects.persons import ERASE
from app.core.errors import InputError

_REASON = Annotated[str, Meta(min_length=3, max_length=1000, description="why; kept for ever")]
_TIME = Annotated[datetime, Meta(tz=True)]


class ErasureOrder(Body, frozen=True, kw_only=True):
    """A person to be erased for ever; `confirm` is their name once more."""

    reason: _REASON
    confirm: Annotated[str, Meta(max_length=64)]
    also_disable: bool = False


class HoldOrder(Body, frozen=True, kw_only=True):
    """Rows that fit all that is given are kept until the hold is lifted."""

    reason: _REASON
    user: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    trace: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None = None
    resource: Annotated[str, Meta(min_length=3, max_length=1024, description="KIND:NAME")] | None = None
    since: _TIME | None = None
    until: _TIME | None = None


class HoldQuery(Query, frozen=True, kw_only=True):
    """Which holds to list."""

    lifted: Annotated[bool, Meta(description="those too that were lifted")] = False


class _Keeping:
    def __init__(self, erasures: Erasures, holds: Holds, retention: Retention) -> None:
        self._erasures = erasures
        self._holds = holds
        self._retention = retention

    async def plan(self, asked: Asked) -> ErasurePlan:
        return await self._erasures.plan(asked.params["name"])

    async def erase(self, asked: Asked) -> Erasure:
        name, order = asked.params["name"], asked.body
        if order.confirm != name:
            raise InputError(
                "`confirm` is not the name of the user; nothing was erased.", remedy="Send the name exactly."
            )
        return await self._erasures.erase(
            asked.passage, name, reason=order.reason, also_disable=order.also_disable
        )

    async def holds(self, asked: Asked) -> Page[Hold]:
        return Page(items=await self._holds.list_all(lifted=asked.query.lifted), next=None)

    async def hold(self, asked: Asked) -> Hold:
        order = asked.body
        wanted = NewHold(
            reason=order.reason, user=order.user, trace_id=order.trace, resource=order.resource, starts=order.since,
            ends=order.until,
        )  # fmt: skip
        return await self._holds.set(asked.passage, wanted)

    async def lift(self, asked: Asked) -> None:
        try:
            hold = UUID(asked.params["hold"])
        except ValueError:
            raise InputError("A hold is named by its UUID.", remedy="See the list of holds.") from None
        await self._holds.lift(asked.passage, hold)

    async def due(self, asked: Asked) -> Page[Due]:
        return Page(items=await self._retention.plan(), next=None)


def operations(*, erasures: Erasures, holds: Holds, retention: Retention) -> list[Operation]:
    """The table of this subject."""
    does = _Keeping(erasures, holds, retention)
    erasure, held = "/api/v1/users/{name}/erasure", "/api/v1/audit/holds"
    return [
        Operation(
            id="planErasure", method="GET", path=erasure, summary="What erasing a person would mean",
            action="admin.subject.plan", kind="user", about="{name}", run=does.plan, answer=ErasurePlan,
        ),
        Operation(
            id="erasePerson", method="POST", path=erasure, summary="Erase a person from the record, for ever",
            action=ERASE, kind="user", about="{name}", run=does.erase, body=ErasureOrder, answer=Erasure,
        ),
        Operation(
            id="listHolds", method="GET", path=held, summary="List legal holds, newest first",
            action="admin.hold.list", kind="hold", about="*", run=does.holds, query=HoldQuery, answer=Page[Hold],
        ),
        Operation(
            id="setHold", method="POST", path=held, summary="Keep rows from being removed or erased",
            action=SET, kind="hold", about="new", run=does.hold, body=HoldOrder, answer=Hold,
        ),
        Operation(
            id="liftHold", method="DELETE", path=f"{held}/{{hold}}", summary="End a legal hold",
            action=LIFT, kind="hold", about="{hold}", run=does.lift,
        ),
        Operation(
            id="planRetention", method="GET", path="/api/v1/audit/retention", summary="What retention would remove now",
            action="admin.retention.plan", kind="record", about="retention", run=does.due, answer=Page[Due],
        ),
    ]  # fmt: skip
