"""What the corridor does with budgets, without the corridor."""

from uuid import UUID, uuid4

from app.core.call import Call, Resource
from app.core.ids import new_trace
from app.core.principal import Principal
from app.core.usage import Amounts, Reserve
from app.core.verdict import Exceeded
from app.identity import Identity
from app.identity.budgets import Budget, Spending, Wanted
from tests.app.identity.world import World


class Till:
    """One principal's calls to one model; amounts are microdollars unless said."""

    def __init__(
        self, site: World, who: Principal, *, model: str = "any", identity: Identity | None = None
    ) -> None:
        self.budgets = (identity or site.identity).budgets
        self.site = site
        self.who = who
        self.model = model

    def call(self, amounts: Amounts) -> Call:
        return Call(
            door="gateway",
            action="model.invoke",
            resource=Resource("model", self.model),
            trace=new_trace(),
            reserve=Reserve(amounts=amounts, models=(f"upstream-{self.model}",)),
        )

    async def ask(self, call: UUID, amounts: Amounts) -> Exceeded | None:
        asked = self.call(amounts)
        known = self.budgets.known(self.who, asked)
        shares = await self.budgets.find(self.who, asked) if known is None else known
        return await self.budgets.reserve(call, shares, amounts) if shares else None

    async def reserve(self, call: UUID | None, microdollars: int, *, tokens: int = 0) -> bool:
        amounts = Amounts(microdollars=microdollars, tokens=tokens, requests=1)
        return await self.ask(call or uuid4(), amounts) is None

    async def settle(self, call: UUID, microdollars: int, *, tokens: int = 0) -> None:
        amounts = Amounts(microdollars=microdollars, tokens=tokens, requests=1)
        shares = await self.budgets.find(self.who, self.call(amounts))
        await self.budgets.settle(call, shares, amounts)

    async def standing(self, budget: str) -> tuple[int, int]:
        """Spent and held back, over all holders."""
        rows = await self.budgets.spending(budget)
        return sum(row.spent for row in rows), sum(row.reserved for row in rows)

    async def windows(self, budget: str) -> list[Spending]:
        return await self.budgets.history(budget)


async def put(site: World, **wanted: object) -> Budget:
    async with site.act("admin.budget.set") as passage:
        return await site.identity.limits.put(passage, Wanted(**wanted))  # pyright: ignore[reportArgumentType]
