"""What was spent: budgets as they stand, and the costs of persons, groups and models."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.audit.spending import COUNTED, Spent
from app.console.door import View, Visit
from app.console.sources import Sources
from app.core.errors import InputError
from app.identity.budgets import BudgetStanding
from app.identity.records import Group

_DAYS = {"1": "24 hours", "7": "7 days", "30": "30 days"}


class Line(msgspec.Struct, kw_only=True):
    """A sum of somebody or something; `estimated` is the part of `microdollars` that nobody reported."""

    name: str
    calls: int = 0
    tokens: int = 0
    microdollars: int = 0
    estimated: int = 0

    def add(self, spent: Spent) -> None:
        """One more row."""
        self.calls += spent.calls
        self.tokens += spent.tokens
        self.microdollars += spent.microdollars
        self.estimated += spent.estimated


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A budget in one window of one holder; the widths are of a hundred."""

    name: str
    whose: str
    models: tuple[str, ...]
    window: str
    unit: str
    hard: int | None
    spent: int
    reserved: int
    ends: datetime | None
    spent_width: float
    reserved_width: float


def by(
    rows: Iterable[Spent], names: Mapping[str, Sequence[str]] | None = None, *, model: bool = False
) -> list[Line]:
    """Sums by person, by what `names` makes of a person, or by model; the most costly first."""
    lines: dict[str, Line] = {}
    for row in rows:
        found = [row.model] if model else [row.actor] if names is None else names.get(row.actor, ())
        for name in found:
            lines.setdefault(name, Line(name=name)).add(row)
    return sorted(lines.values(), key=lambda line: (-line.microdollars, -line.tokens, line.name))


def bars(standing: Iterable[BudgetStanding]) -> list[Bar]:
    """Every budget with its present windows, those without calls as well."""
    found = []
    for one in standing:
        budget = one.budget
        whose = " ".join(part for part in (budget.subject_kind, budget.subject) if part)
        rows = [(row.holder, row.spent, row.reserved, row.ends) for row in one.spending] or [("", 0, 0, None)]
        for holder, spent, reserved, ends in rows:
            most = max(budget.hard or max(budget.soft, default=0), 1)
            width = min(100.0, round(100 * spent / most, 1))
            found.append(
                Bar(
                    name=budget.name,
                    whose=f"{holder} of {whose}" if holder else f"each of {whose}" if budget.apart else whose,
                    models=budget.models,
                    window=f"rolling {budget.period}" if budget.rolling else budget.period,
                    unit=budget.unit,
                    hard=budget.hard,
                    spent=spent,
                    reserved=reserved,
                    ends=ends,
                    spent_width=width,
                    reserved_width=min(100.0 - width, round(100 * reserved / most, 1)),
                )
            )
    return found


def _groups(groups: Iterable[Group]) -> Mapping[str, Sequence[str]]:
    """The groups of each person, as they are today."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for group in groups:
        for member in group.members:
            found[member].append(group.name)
    return found


def views(sources: Sources) -> list[View]:
    """`/console/spend`."""

    async def spend(visit: Visit) -> dict[str, Any]:
        days = visit.query.get("days", "30")
        if days not in _DAYS:
            raise InputError("The address names no such time.", remedy="Choose one from the page.")
        now = sources.clock.now()
        rows = await sources.money.spent(now - timedelta(days=int(days)))
        return {
            "bars": bars(await sources.identity.limits.standing()),
            "people": by(rows),
            "groups": by(rows, _groups(await sources.identity.groups.list_all())),
            "models": by(rows, model=True),
            "days": days,
            "choices": _DAYS,
            "capped": sum(row.calls for row in rows) >= COUNTED,
            "most": COUNTED,
            "now": now,
        }

    return [View(name="spend", path="/console/spend", read=spend, record="spend")]
