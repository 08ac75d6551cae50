"""`/api/v1/budgets`, `/api/v1/spend`."""

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page, Query
from app.api.paging import PageQuery, page_in_memory
from app.audit.spending import Money, Spent
from app.core.clock import Clock
from app.identity import Identity
from app.identity.budgets import Budget, BudgetStanding, Wanted
from app.identity.budgets.records import Period, SubjectKind, Unit

_Amount = Annotated[int, Meta(ge=0, le=10**15)]


class BudgetOrder(Body, frozen=True, kw_only=True):
    """A budget from now on; `subject` is an account, a group or a key's prefix, and empty for everyone."""

    subject_kind: SubjectKind
    subject: Annotated[str, Meta(max_length=64)] = ""
    apart: Annotated[bool, Meta(description="each of them has the whole amount")] = False
    models: Annotated[tuple[str, ...], Meta(max_length=32, description="names or patterns; none: all")] = ()
    unit: Unit = "microdollars"
    hard: _Amount | None = None
    soft: Annotated[tuple[_Amount, ...], Meta(max_length=8)] = ()
    period: Period = "month"
    zone: Annotated[str, Meta(max_length=64)] = "UTC"
    rolling: bool = False


class SpendQuery(Query, frozen=True, kw_only=True):
    """How many days back calls are counted."""

    days: Annotated[int, Meta(ge=1, le=400)] = 30


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest calls of that time cost, by person and model, the most costly first."""

    items: list[Spent]


class _Budgets:
    def __init__(self, identity: Identity, money: Money, clock: Clock) -> None:
        self._identity = identity
        self._money = money
        self._clock = clock

    async def overview(self, asked: Asked) -> Page[BudgetStanding]:
        rows = await self._identity.limits.standing()
        return page_in_memory(rows, asked.query, lambda row: row.budget.name)

    async def show(self, asked: Asked) -> BudgetStanding:
        name = asked.params["name"]
        found = await self._identity.limits.find(name)
        return BudgetStanding(budget=found, spending=tuple(await self._identity.budgets.history(name)))

    async def put(self, asked: Asked) -> Budget:
        wanted = Wanted(name=asked.params["name"], **msgspec.structs.asdict(asked.body))
        return await self._identity.limits.put(asked.passage, wanted)

    async def remove(self, asked: Asked) -> None:
        await self._identity.limits.remove(asked.passage, asked.params["name"])

    async def spend(self, asked: Asked) -> Spend:
        return Spend(items=await self._money.spent(self._clock.now() - timedelta(days=asked.query.days)))


def operations(identity: Identity, money: Money, *, clock: Clock) -> list[Operation]:
    """The table of this subject."""
    does, all_, one = _Budgets(identity, money, clock), "/api/v1/budgets", "/api/v1/budgets/{name}"
    return [
        Operation(
            id="listBudgets", method="GET", path=all_, summary="List budgets with their present windows",
            action="admin.budget.list", kind="budget", about="*", run=does.overview, query=PageQuery,
            answer=Page[BudgetStanding],
        ),
        Operation(
            id="showBudget", method="GET", path=one, summary="Show a budget with its last windows",
            action="admin.budget.show", kind="budget", about="{name}", run=does.show, answer=BudgetStanding,
        ),
        Operation(
            id="setBudget", method="PUT", path=one, summary="Set or replace a budget",
            action="admin.budget.set", kind="budget", about="{name}", run=does.put, body=BudgetOrder, answer=Budget,
        ),
        Operation(
            id="removeBudget", method="DELETE", path=one, summary="Remove a budget with what it counted",
            action="admin.budget.remove", kind="budget", about="{name}", run=does.remove,
        ),
        Operation(
            id="showSpend", method="GET", path="/api/v1/spend", summary="Who spent how much on which model",
            action="audit.read", kind="record", about="spend", run=does.spend, query=SpendQuery, answer=Spend,
        ),
    ]  # fmt: skip
