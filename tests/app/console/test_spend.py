"""Sums by person, group and model, and how full budgets are."""

from datetime import UTC, datetime

from app.audit.spending import Spent
from app.console.spend import bars, by
from app.identity.budgets import Budget, BudgetStanding, Spending

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def row(actor: str, model: str, microdollars: int, *, estimated: int = 0) -> Spent:
    return Spent(
        actor=actor, actor_kind="user", model=model, calls=1, tokens=10, microdollars=microdollars,
        estimated=estimated,
    )  # fmt: skip


ROWS = [row("ada", "gpt", 50), row("ada", "claude", 20, estimated=20), row("bob", "gpt", 90)]


def test_sums_are_by_person_by_their_groups_and_by_model() -> None:
    assert [(line.name, line.microdollars, line.estimated) for line in by(ROWS)] == [
        ("bob", 90, 0), ("ada", 70, 20),
    ]  # fmt: skip
    groups = by(ROWS, {"ada": ["lab", "all"], "bob": ["all"]})
    assert [(line.name, line.microdollars, line.calls) for line in groups] == [
        ("all", 160, 3),
        ("lab", 70, 2),
    ]
    assert [(line.name, line.microdollars) for line in by(ROWS, model=True)] == [("gpt", 140), ("claude", 20)]


def test_budgets_show_how_full_they_are_and_those_without_calls_too() -> None:
    made = Budget(
        name="b", subject_kind="group", subject="lab", apart=True, hard=200, created=NOW, created_by="x"
    )
    spent = Spending(budget="b", holder="ada", starts=NOW, ends=None, spent=150, reserved=100)
    full, empty = bars(
        [BudgetStanding(budget=made, spending=(spent,)), BudgetStanding(budget=made, spending=())]
    )
    assert (full.whose, full.spent_width, full.reserved_width) == ("ada of group lab", 75.0, 25.0)
    assert (empty.whose, empty.spent, empty.spent_width) == ("each of group lab", 0, 0.0)
